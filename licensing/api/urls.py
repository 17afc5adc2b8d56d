from django.urls import path

from licensing.api.seats import OneSeat, ReleaseSeats, Seats

urlpatterns = [
    path("subscriptions/<uuid:id>/seats/", Seats.as_view(), name="api-seats"),
    path("subscriptions/<uuid:id>/seats/release/", ReleaseSeats.as_view(), name="api-seats-release"),
    path("subscriptions/<uuid:id>/seats/<uuid:seat>/", OneSeat.as_view(), name="api-seat"),
]
