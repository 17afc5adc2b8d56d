from django.urls import path

from licensing.api.entitlements import Entitlements
from licensing.api.seats import OneSeat, ReleaseSeats, Seats

urlpatterns = [
    path("entitlements/", Entitlements.as_view(), name="api-entitlements"),
    path("subscriptions/<uuid:id>/seats/", Seats.as_view(), name="api-seats"),
    path("subscriptions/<uuid:id>/seats/release/", ReleaseSeats.as_view(), name="api-seats-release"),
    path("subscriptions/<uuid:id>/seats/<uuid:seat>/", OneSeat.as_view(), name="api-seat"),
]
