from django.urls import path

from tenants.api.events import Events
from tenants.api.members import Member, Members
from tenants.api.organisation import Organisation

urlpatterns = [
    path("tenant/", Organisation.as_view(), name="api-tenant"),
    path("members/", Members.as_view(), name="api-members"),
    path("members/<uuid:id>/", Member.as_view(), name="api-member"),
    path("events/", Events.as_view(), name="api-events"),
]
