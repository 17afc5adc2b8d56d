from django.urls import path

from tenants.api.delegations import AcceptedDelegation, Delegations, OneDelegation
from tenants.api.events import Events
from tenants.api.members import Member, MemberRole, Members
from tenants.api.organisation import Organisation, SignIn
from tenants.api.runs import OneRun, RunRows
from tenants.api.webhooks import (
    OneWebhookEndpoint,
    RepeatedWebhookDelivery,
    RotatedWebhookSecret,
    WebhookDeliveries,
    WebhookEndpoints,
)

urlpatterns = [
    path("tenant/", Organisation.as_view(), name="api-tenant"),
    path("tenant/sign-in/", SignIn.as_view(), name="api-sign-in"),
    path("members/", Members.as_view(), name="api-members"),
    path("members/<uuid:id>/", Member.as_view(), name="api-member"),
    path("members/<uuid:id>/roles/<str:role>/", MemberRole.as_view(), name="api-member-role"),
    path("delegations/", Delegations.as_view(), name="api-delegations"),
    path("delegations/<uuid:id>/", OneDelegation.as_view(), name="api-delegation"),
    path("delegations/<uuid:id>/accept/", AcceptedDelegation.as_view(), name="api-delegation-accept"),
    path("events/", Events.as_view(), name="api-events"),
    path("runs/<uuid:id>/", OneRun.as_view(), name="api-run"),
    path("runs/<uuid:id>/rows/", RunRows.as_view(), name="api-run-rows"),
    path("webhook-endpoints/", WebhookEndpoints.as_view(), name="api-webhook-endpoints"),
    path("webhook-endpoints/<uuid:id>/", OneWebhookEndpoint.as_view(), name="api-webhook-endpoint"),
    path("webhook-endpoints/<uuid:id>/rotate-secret/", RotatedWebhookSecret.as_view(), name="api-webhook-secret"),
    path("webhook-endpoints/<uuid:id>/deliveries/", WebhookDeliveries.as_view(), name="api-webhook-deliveries"),
    path(
        "webhook-endpoints/<uuid:id>/deliveries/<uuid:delivery>/redeliver/",
        RepeatedWebhookDelivery.as_view(),
        name="api-webhook-redeliver",
    ),
]
