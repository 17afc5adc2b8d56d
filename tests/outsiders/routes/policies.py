"""Routes of what people may buy and have."""

from policies.models import Exclusion, Market
from tests.outsiders.routes.act import Act, Fill, nothing

ENTRIES: dict[str, Fill] = {
    "api/v1/products/<str:id>/eligibility/": lambda w: {"id": w.plan.product_id},
    "api/v1/policies/products/<str:id>/": lambda w: {"id": w.plan.product_id},
    "api/v1/policies/values/<uuid:id>/": lambda w: {"id": w.policy.pk},
    "api/v1/spend-limits/<uuid:id>/": lambda w: {"id": w.spend_limit.pk},
    "admin/policies/spendlimit/<path:object_id>/change/": lambda w: {"object_id": w.spend_limit.pk},
    "admin/policies/spendlimit/<path:object_id>/end/": lambda w: {"object_id": w.spend_limit.pk},
    "api/v1/governance-policies/<uuid:id>/": lambda w: {"id": w.governance.pk},
    "admin/policies/governancepolicy/<path:object_id>/change/": lambda w: {"object_id": w.governance.pk},
    "admin/policies/governancepolicy/<path:object_id>/remove/": lambda w: {"object_id": w.governance.pk},
    "api/v1/exclusions/<uuid:id>/": lambda w: {"id": Exclusion.objects.first().pk},
    "api/v1/approvals/<uuid:id>/": lambda w: {"id": w.approval.pk},
    "api/v1/approvals/<uuid:id>/decide/": lambda w: {"id": w.approval.pk},
    "api/v1/policies/approvers/<uuid:id>/": lambda w: {"id": w.approver.pk},
    "api/v1/license-requests/<uuid:id>/": lambda w: {"id": w.license_request.pk},
    "api/v1/license-requests/<uuid:id>/decide/": lambda w: {"id": w.license_request.pk},
    "api/v1/license-requests/<uuid:id>/withdraw/": lambda w: {"id": w.license_request.pk},
    "admin/policies/licenserequest/<path:object_id>/change/": lambda w: {"object_id": w.license_request.pk},
    "admin/policies/approval/<path:object_id>/change/": lambda w: {"object_id": w.approval.pk},
    "admin/policies/approver/<path:object_id>/change/": lambda w: {"object_id": w.approver.pk},
    "admin/policies/autoclaim/<path:object_id>/change/": lambda w: {"object_id": w.centralised.auto_claim.pk},
    "admin/policies/autoclaim/<path:object_id>/remove/": lambda w: {"object_id": w.centralised.auto_claim.pk},
    "admin/policies/selfserviceproduct/<path:object_id>/change/": lambda w: {"object_id": w.plan.product_id},
    "admin/policies/policy/<path:object_id>/change/": lambda w: {"object_id": w.policy.pk},
    "admin/policies/market/<path:object_id>/change/": lambda w: {"object_id": Market.objects.first().pk},
    "admin/policies/exclusion/<path:object_id>/remove/": lambda w: {"object_id": Exclusion.objects.first().pk},
    "admin/policies/exclusion/<path:object_id>/change/": lambda w: {"object_id": Exclusion.objects.first().pk},
}


ACTS = [
    Act("api/v1/policies/values/<uuid:id>/", "DELETE", nothing, by="admin", query="?reason=Stop"),
    Act("admin/policies/policy/<path:object_id>/change/", "POST", lambda w: {"reason": "Stop"}, by="admin"),
    Act("api/v1/policies/products/<str:id>/", "PUT", lambda w: {"value": "disabled", "reason": "Stop"}, by="admin"),
    Act("api/v1/exclusions/<uuid:id>/", "PATCH", lambda w: {"reason": "Why", "preview": True}, by="operator"),
    Act("api/v1/spend-limits/<uuid:id>/", "PATCH", lambda w: {"mode": "approval"}, by="admin"),
    Act("api/v1/spend-limits/<uuid:id>/", "DELETE", nothing, by="admin"),
    Act("admin/policies/spendlimit/<path:object_id>/end/", "POST", lambda w: {"reason": "Over"}, by="admin"),
    Act("api/v1/governance-policies/<uuid:id>/", "PATCH", lambda w: {"kind": "sharing"}, by="admin"),
    Act("api/v1/governance-policies/<uuid:id>/", "DELETE", nothing, by="admin"),
    Act(
        "admin/policies/governancepolicy/<path:object_id>/change/",
        "POST",
        lambda w: {"name": "Else", "kind": "sharing", "reason": "Why"},
        by="admin",
    ),
    Act("admin/policies/governancepolicy/<path:object_id>/remove/", "POST", lambda w: {"reason": "Over"}, by="admin"),
    Act(
        "api/v1/license-requests/<uuid:id>/decide/",
        "POST",
        lambda w: {"decline": [w.owner.user.email]},
        by="admin",
    ),
    Act("api/v1/license-requests/<uuid:id>/withdraw/", "POST", nothing),
    Act(
        "admin/policies/licenserequest/<path:object_id>/change/",
        "POST",
        lambda w: {"people": w.owner.user.email, "decline": "1"},
        by="admin",
    ),
    Act("api/v1/approvals/<uuid:id>/decide/", "POST", lambda w: {"approve": True}, by="admin"),
    Act("api/v1/policies/approvers/<uuid:id>/", "DELETE", nothing, by="admin"),
    Act("admin/policies/approval/<path:object_id>/change/", "POST", lambda w: {"decline": "1"}, by="admin"),
    Act("admin/policies/approver/<path:object_id>/change/", "POST", nothing, by="admin"),
    Act("admin/policies/autoclaim/<path:object_id>/remove/", "POST", lambda w: {"reason": "Enough"}, by="admin"),
]

# Routes with an id that only show.
READ_ONLY = {
    "api/v1/approvals/<uuid:id>/",
    "api/v1/license-requests/<uuid:id>/",
    "api/v1/products/<str:id>/eligibility/",
}
