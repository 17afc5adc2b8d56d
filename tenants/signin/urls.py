from django.urls import path

from tenants.signin import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("acting-for/", views.acting_for, name="acting-for"),
]
