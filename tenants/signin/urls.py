from django.urls import path

from tenants.signin import challenge, security, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", challenge.code, name="sign-in-code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("acting-for/", views.acting_for, name="acting-for"),
    path("my/security/", security.page, name="security"),
    path("my/security/set-up/", security.set_up, name="security-set-up"),
    path("my/security/recovery-codes/", security.recovery_codes, name="security-recovery-codes"),
    path("my/security/turn-off/", security.turn_off, name="security-turn-off"),
]
