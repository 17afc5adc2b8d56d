from django.urls import path

from licensing.api.capacity import Capacity, CapacityUses
from licensing.api.seats import OneSeat, ReleaseSeats, Seats

urlpatterns = [
    path("capacity/", Capacity.as_view(), name="api-capacity"),
    path("capacity/use/", CapacityUses.as_view(), name="api-capacity-use"),
    path("subscriptions/<uuid:id>/seats/", Seats.as_view(), name="api-seats"),
    path("subscriptions/<uuid:id>/seats/release/", ReleaseSeats.as_view(), name="api-seats-release"),
    path("subscriptions/<uuid:id>/seats/<uuid:seat>/", OneSeat.as_view(), name="api-seat"),
]
