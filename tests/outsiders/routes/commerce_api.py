"""Calls about purchases, and what is paid for them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from commerce.operations.handover import offers
from tests import factories
from tests.outsiders.routes.act import Act, Fill, nothing
from tests.outsiders.taken_over import taken_over
from tests.outsiders.world import World

ENTRIES: dict[str, Fill] = {
    "api/v1/checkouts/<uuid:id>/": lambda w: {"id": w.open_checkout.pk},
    "api/v1/checkouts/<uuid:id>/pay/": lambda w: {"id": w.open_checkout.pk},
    "api/v1/checkouts/<uuid:id>/confirm/": lambda w: {"id": w.waiting.order.checkout_id},
    "api/v1/checkouts/<uuid:id>/cancel/": lambda w: {"id": w.open_checkout.pk},
    "api/v1/subscriptions/<uuid:id>/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/merge/": lambda w: {"id": w.central.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/align/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/auto-renew/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/extend-trial/": lambda w: {"id": w.trial.pk},
    "api/v1/subscriptions/<uuid:id>/cancel/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/quantity/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/reactivate/": lambda w: {"id": w.subscription.pk},
    "api/v1/orders/<uuid:id>/": lambda w: {"id": w.order.pk},
    "api/v1/orders/<uuid:id>/confirm/": lambda w: {"id": w.changed.order.pk},
    "api/v1/orders/<uuid:id>/cancel/": lambda w: {"id": w.changed.order.pk},
    "api/v1/subscriptions/<uuid:id>/payment-method/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/take-over/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/take-over/undo/": lambda w: {"id": taken_over(w).subscription_id},
    "api/v1/subscriptions/<uuid:id>/take-over/settle/": lambda w: {"id": taken_over(w).subscription_id},
    "api/v1/subscriptions/<uuid:id>/transfer/": lambda w: {"id": w.transfer.subscription_id},
    "api/v1/subscriptions/<uuid:id>/transfer/accept/": lambda w: {"id": w.transfer.subscription_id},
    "api/v1/subscriptions/<uuid:id>/transfer/decline/": lambda w: {"id": w.transfer.subscription_id},
    "api/v1/subscriptions/<uuid:id>/transfer/withdraw/": lambda w: {"id": w.transfer.subscription_id},
    "api/v1/leavers/<uuid:id>/": lambda w: {"id": w.leaver_task.pk},
    "api/v1/leavers/<uuid:id>/decide/": lambda w: {"id": w.leaver_task.pk},
    "api/v1/subscriptions/<uuid:id>/request-cancellation/": lambda w: {"id": w.subscription.pk},
    "api/v1/payment-methods/<uuid:id>/": lambda w: {"id": w.spare_card.pk},
    "api/v1/payment-methods/<uuid:id>/default/": lambda w: {"id": w.spare_card.pk},
    "api/v1/payment-methods/<uuid:id>/replace/": lambda w: {"id": w.card.pk},
    "api/v1/payment-methods/setups/<uuid:id>/": lambda w: {"id": w.card_setup.pk},
    "api/v1/payment-methods/setups/<uuid:id>/confirm/": lambda w: {"id": w.card_setup.pk},
    "api/v1/payment-methods/setups/<uuid:id>/cancel/": lambda w: {"id": w.card_setup.pk},
    "api/v1/invoices/<uuid:id>/pdf/": lambda w: {"id": w.invoice.pk},
    "api/v1/support-cases/<uuid:id>/": lambda w: {"id": w.case.pk},
    "api/v1/support-cases/<uuid:id>/messages/": lambda w: {"id": w.case.pk},
    "api/v1/support-cases/<uuid:id>/close/": lambda w: {"id": w.case.pk},
    "api/v1/agreements/<uuid:id>/": lambda w: {"id": w.central.agreement.pk},
    "api/v1/invoices/<uuid:id>/pay/": lambda w: {"id": w.central.invoice.pk},
    "api/v1/checkouts/<uuid:id>/use-free-seat/": lambda w: {"id": w.central.claimable.pk},
}


def _offered_again(world: World) -> dict[str, Any]:
    """Its offer is withdrawn: there is one at a time."""
    offers.withdraw(offer=world.transfer, by=factories.acting(world.giver), at=timezone.now())
    return {"to": world.colleague.user.email}


def _with_an_earlier_one(world: World) -> dict[str, Any]:
    earlier = factories.buy(world.owner, world.plan, at=timezone.now() - timedelta(days=20))
    return {"with": [str(earlier.pk)], "payment_method": "pm_card_visa"}


def _merged(world: World) -> dict[str, Any]:
    """Of the product of the central one, which is another than what the owner bought."""
    bought = factories.buy(world.colleague, world.central.subscription.plan, 1, at=timezone.now())
    return {"with": [str(bought.pk)], "preview": True}


ACTS = [
    Act("api/v1/subscriptions/<uuid:id>/align/", "POST", _with_an_earlier_one),
    Act("api/v1/subscriptions/<uuid:id>/transfer/", "POST", _offered_again, by="giver"),
    Act("api/v1/subscriptions/<uuid:id>/transfer/withdraw/", "POST", nothing, by="giver"),
    Act("api/v1/subscriptions/<uuid:id>/transfer/accept/", "POST", lambda w: {"payment_method": "pm_card_visa"}),
    Act("api/v1/subscriptions/<uuid:id>/transfer/decline/", "POST", nothing),
    Act("api/v1/leavers/<uuid:id>/decide/", "POST", lambda w: {"choice": "let_end"}, by="admin"),
    Act("api/v1/agreements/<uuid:id>/", "PATCH", lambda w: {"name": "Framework"}, by="admin"),
    Act("api/v1/invoices/<uuid:id>/pay/", "POST", lambda w: {"payment_method": "pm_card_visa"}, by="admin"),
    Act("api/v1/checkouts/<uuid:id>/use-free-seat/", "POST", nothing),
    Act("api/v1/checkouts/<uuid:id>/pay/", "POST", lambda w: {"payment_method": "pm_card_visa"}),
    Act("api/v1/checkouts/<uuid:id>/confirm/", "POST", nothing),
    Act("api/v1/checkouts/<uuid:id>/cancel/", "POST", nothing),
    Act("api/v1/subscriptions/<uuid:id>/auto-renew/", "POST", lambda w: {"auto_renew": False}),
    Act("api/v1/subscriptions/<uuid:id>/cancel/", "POST", lambda w: {"reason": "No need"}),
    Act("api/v1/subscriptions/<uuid:id>/cancel/", "POST", lambda w: {"preview": True}),
    Act("api/v1/subscriptions/<uuid:id>/merge/", "POST", _merged, by="admin"),
    Act("api/v1/subscriptions/<uuid:id>/take-over/", "POST", lambda w: {"mode": "cancel"}, by="admin"),
    Act("api/v1/subscriptions/<uuid:id>/take-over/undo/", "POST", nothing, by="admin"),
    Act("api/v1/subscriptions/<uuid:id>/take-over/settle/", "POST", nothing, by="admin"),
    Act("api/v1/subscriptions/<uuid:id>/extend-trial/", "POST", nothing, by="admin"),
    Act("api/v1/subscriptions/<uuid:id>/quantity/", "POST", lambda w: {"quantity": 3}),
    Act("api/v1/subscriptions/<uuid:id>/quantity/", "POST", lambda w: {"quantity": 1}),
    Act("api/v1/subscriptions/<uuid:id>/quantity/", "POST", lambda w: {"quantity": 3, "preview": True}),
    Act("api/v1/subscriptions/<uuid:id>/reactivate/", "POST", lambda w: {"preview": True}),
    Act("api/v1/orders/<uuid:id>/confirm/", "POST", nothing),
    Act("api/v1/orders/<uuid:id>/cancel/", "POST", nothing),
    Act("api/v1/support-cases/<uuid:id>/messages/", "POST", lambda w: {"body": "Still so"}),
    Act("api/v1/support-cases/<uuid:id>/close/", "POST", nothing),
    Act(
        "api/v1/subscriptions/<uuid:id>/payment-method/",
        "POST",
        lambda w: {"payment_method": str(w.spare_card.pk)},
    ),
    Act("api/v1/payment-methods/<uuid:id>/", "DELETE", nothing),
    Act("api/v1/payment-methods/<uuid:id>/default/", "POST", nothing),
    Act("api/v1/payment-methods/<uuid:id>/replace/", "POST", lambda w: {"by": str(w.spare_card.pk)}),
    Act("api/v1/payment-methods/setups/<uuid:id>/confirm/", "POST", nothing),
    Act("api/v1/payment-methods/setups/<uuid:id>/cancel/", "POST", nothing),
    Act("api/v1/subscriptions/<uuid:id>/request-cancellation/", "POST", nothing, by="admin"),
]

# Routes with an id that only show.
READ_ONLY = {
    "api/v1/leavers/<uuid:id>/",
    "api/v1/payment-methods/setups/<uuid:id>/",
    "api/v1/invoices/<uuid:id>/pdf/",
    "api/v1/checkouts/<uuid:id>/",
    "api/v1/support-cases/<uuid:id>/",
    "api/v1/subscriptions/<uuid:id>/",
    "api/v1/orders/<uuid:id>/",
}
