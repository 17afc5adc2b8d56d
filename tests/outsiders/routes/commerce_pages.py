"""Pages about one's own purchases, outside the admin."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from commerce.operations.leaving import links
from tests import factories
from tests.outsiders.changed import align_form, seats_form, shown
from tests.outsiders.routes.act import Act, Fill, nothing
from tests.outsiders.world import World


def _being_changed(world: World) -> dict[str, Any]:
    return {"subscription_id": world.changed.order.subscription_id}


def _dead_link(world: World) -> str:
    """Signed by us, for somebody who is still here: a link that is good opens to whoever has it."""
    return links.sign(world.subscription, world.owner)


ENTRIES: dict[str, Fill] = {
    "my/approvals/<uuid:approval_id>/": lambda w: {"approval_id": w.approval.pk},
    "my/approvals/<uuid:approval_id>/decide/": lambda w: {"approval_id": w.approval.pk},
    "checkouts/<uuid:checkout_id>/withdraw/": lambda w: {"checkout_id": w.approval.subject},
    "my/requests/new/<str:product_id>/": lambda w: {"product_id": w.plan.product_id},
    "my/requests/<uuid:request_id>/withdraw/": lambda w: {"request_id": w.license_request.pk},
    "my/subscriptions/<uuid:subscription_id>/transfer/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/transfer/withdraw/": lambda w: {
        "subscription_id": w.transfer.subscription_id
    },
    "my/cancellation-requests/<uuid:request_id>/": lambda w: {"request_id": w.centralised.request.pk},
    "my/cancellation-requests/<uuid:request_id>/promise/": lambda w: {"request_id": w.centralised.request.pk},
    "my/cancellation-requests/<uuid:request_id>/keep/": lambda w: {"request_id": w.centralised.request.pk},
    "my/transfers/<uuid:offer_id>/": lambda w: {"offer_id": w.transfer.pk},
    "my/transfers/<uuid:offer_id>/accept/": lambda w: {"offer_id": w.transfer.pk},
    "my/transfers/<uuid:offer_id>/decline/": lambda w: {"offer_id": w.transfer.pk},
    "my/transfers/<uuid:offer_id>/return/": lambda w: {"offer_id": w.transfer.pk},
    "leaver/<str:token>/": lambda w: {"token": _dead_link(w)},
    "leaver/<str:token>/renewal/": lambda w: {"token": _dead_link(w)},
    "leaver/<str:token>/cancel/": lambda w: {"token": _dead_link(w)},
    "leaver/<str:token>/invoices/<uuid:invoice_id>/pdf/": lambda w: {
        "token": _dead_link(w),
        "invoice_id": w.invoice.pk,
    },
    "my/support/<uuid:case_id>/": lambda w: {"case_id": w.case.pk},
    "my/support/<uuid:case_id>/reply/": lambda w: {"case_id": w.case.pk},
    "my/support/<uuid:case_id>/close/": lambda w: {"case_id": w.case.pk},
    "checkouts/<uuid:checkout_id>/use-free-seat/": lambda w: {"checkout_id": w.central.claimable.pk},
    "buy/<slug:plan_id>/use-free-seat/": lambda w: {"plan_id": w.plan.pk},
    "buy/<slug:plan_id>/trial/": lambda w: {"plan_id": w.plan.pk},
    "buy/<slug:plan_id>/trial-with-card/": lambda w: {"plan_id": w.plan.pk},
    "my/seats/<uuid:seat_id>/": lambda w: {"seat_id": w.seat.pk},
    "my/invoices/<uuid:invoice_id>/pay/": lambda w: {"invoice_id": w.central.invoice.pk},
    "my/invoices/<uuid:invoice_id>/pay/now/": lambda w: {"invoice_id": w.central.invoice.pk},
    "my/invoices/<uuid:invoice_id>/pay/return/": lambda w: {"invoice_id": w.central.waiting.pk},
    "my/invoices/<uuid:invoice_id>/pay/other-card/": lambda w: {"invoice_id": w.central.waiting.pk},
    "buy/<slug:plan_id>/": lambda w: {"plan_id": w.plan.pk},
    "checkouts/<uuid:checkout_id>/": lambda w: {"checkout_id": w.open_checkout.pk},
    "checkouts/<uuid:checkout_id>/pay/": lambda w: {"checkout_id": w.open_checkout.pk},
    "checkouts/<uuid:checkout_id>/other-card/": lambda w: {"checkout_id": w.waiting.order.checkout_id},
    "checkouts/<uuid:checkout_id>/return/": lambda w: {"checkout_id": w.waiting.order.checkout_id},
    "sandbox/3ds/<uuid:key>/": lambda w: {"key": w.waiting.pk},
    "payments/<uuid:key>/step/": lambda w: {"key": w.waiting.pk},
    "hooks/payments/<slug:gateway>/": lambda w: {"gateway": w.waiting.gateway},
    "my/subscriptions/<uuid:subscription_id>/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/assign/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/release/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/auto-renew/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/renewal/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/cancel/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/card/": lambda w: {"subscription_id": w.subscription.pk},
    "my/payment-methods/setups/<uuid:setup_id>/return/": lambda w: {"setup_id": w.card_setup.pk},
    "my/payment-methods/setups/<uuid:setup_id>/give-up/": lambda w: {"setup_id": w.card_setup.pk},
    "my/payment-methods/<uuid:card_id>/default/": lambda w: {"card_id": w.spare_card.pk},
    "my/payment-methods/<uuid:card_id>/remove/": lambda w: {"card_id": w.spare_card.pk},
    "my/payment-methods/<uuid:card_id>/replace/": lambda w: {"card_id": w.card.pk},
    "my/subscriptions/<uuid:subscription_id>/align/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/add-seats/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/remove-seats/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/keep-seats/": _being_changed,
    "my/subscriptions/<uuid:subscription_id>/reactivate/": lambda w: {"subscription_id": w.changed.ended.pk},
    "my/subscriptions/<uuid:subscription_id>/return/": _being_changed,
    "my/subscriptions/<uuid:subscription_id>/give-up/": _being_changed,
    "my/invoices/<uuid:invoice_id>/": lambda w: {"invoice_id": w.invoice.pk},
    "my/invoices/<uuid:invoice_id>/pdf/": lambda w: {"invoice_id": w.invoice.pk},
}


def _aligned(world: World) -> dict[str, Any]:
    earlier = factories.buy(world.owner, world.plan, at=timezone.now() - timedelta(days=20))
    page = reverse("my-subscription-align", args=[world.subscription.pk])
    return {**align_form(page, world.subscription, earlier, world.owner), "payment_method": "pm_card_visa"}


ACTS = [
    Act("my/subscriptions/<uuid:subscription_id>/align/", "POST", _aligned),
    Act("my/subscriptions/<uuid:subscription_id>/transfer/withdraw/", "POST", nothing, by="giver"),
    Act("my/transfers/<uuid:offer_id>/accept/", "POST", lambda w: {"payment_method": "pm_card_visa"}),
    Act("my/transfers/<uuid:offer_id>/decline/", "POST", nothing),
    Act("my/subscriptions/<uuid:subscription_id>/transfer/", "POST", lambda w: {"to": w.colleague.user.email}),
    Act("checkouts/<uuid:checkout_id>/use-free-seat/", "POST", nothing),
    Act("my/invoices/<uuid:invoice_id>/pay/now/", "POST", lambda w: {"payment_method": "pm_card_visa"}, by="admin"),
    Act("my/invoices/<uuid:invoice_id>/pay/other-card/", "POST", nothing, by="admin"),
    Act("my/requests/<uuid:request_id>/withdraw/", "POST", nothing),
    Act("my/approvals/<uuid:approval_id>/decide/", "POST", lambda w: {"decline": "1"}, by="admin"),
    Act("checkouts/<uuid:checkout_id>/withdraw/", "POST", nothing),
    Act("my/support/<uuid:case_id>/reply/", "POST", lambda w: {"body": "Still so"}),
    Act("my/support/<uuid:case_id>/close/", "POST", nothing),
    Act("checkouts/<uuid:checkout_id>/pay/", "POST", lambda w: {"quantity": 2, "payment_method": "pm_card_visa"}),
    Act("checkouts/<uuid:checkout_id>/other-card/", "POST", nothing),
    Act("sandbox/3ds/<uuid:key>/", "POST", lambda w: {"decision": "approve"}),
    Act("my/subscriptions/<uuid:subscription_id>/card/", "POST", lambda w: {"card": str(w.spare_card.pk)}),
    Act("my/payment-methods/setups/<uuid:setup_id>/give-up/", "POST", nothing),
    Act("my/payment-methods/<uuid:card_id>/default/", "POST", nothing),
    Act("my/payment-methods/<uuid:card_id>/remove/", "POST", nothing),
    Act("my/payment-methods/<uuid:card_id>/replace/", "POST", lambda w: {"card": str(w.spare_card.pk)}),
    Act("my/subscriptions/<uuid:subscription_id>/assign/", "POST", lambda w: {"members": w.colleague.user.email}),
    Act("my/subscriptions/<uuid:subscription_id>/release/", "POST", lambda w: {"seats": str(w.seat.pk)}),
    Act("my/subscriptions/<uuid:subscription_id>/auto-renew/", "POST", lambda w: {"auto_renew": "off"}),
    Act(
        "my/subscriptions/<uuid:subscription_id>/cancel/",
        "POST",
        lambda w: {"reason": "No need", "shown": shown(w.subscription, 0)},
    ),
    Act(
        "my/subscriptions/<uuid:subscription_id>/add-seats/",
        "POST",
        lambda w: {**seats_form(w.subscription, 3), "payment_method": "pm_card_visa"},
    ),
    Act("my/subscriptions/<uuid:subscription_id>/remove-seats/", "POST", lambda w: seats_form(w.subscription, 1)),
    Act("my/subscriptions/<uuid:subscription_id>/keep-seats/", "POST", nothing),
    Act(
        "my/subscriptions/<uuid:subscription_id>/reactivate/",
        "POST",
        lambda w: {"shown": shown(w.changed.ended, 2), "payment_method": "pm_card_visa"},
    ),
    Act("my/subscriptions/<uuid:subscription_id>/give-up/", "POST", nothing),
    Act("my/cancellation-requests/<uuid:request_id>/promise/", "POST", nothing),
    Act("my/cancellation-requests/<uuid:request_id>/keep/", "POST", lambda w: {"reason": "We need it"}),
]

# Routes with an id that only show.
READ_ONLY = {
    "my/subscriptions/<uuid:subscription_id>/renewal/",
    "my/transfers/<uuid:offer_id>/",
    "my/cancellation-requests/<uuid:request_id>/",
    "my/transfers/<uuid:offer_id>/return/",  # asks the bank, and only about what the visitor was offered
    # Whoever has a good link is its leaver: tests/commerce/test_leaver_links.py acts on it. Here it is dead.
    *(route for route in ENTRIES if route.startswith("leaver/")),
    "my/requests/new/<str:product_id>/",  # asks the visitor's own organisation
    "my/approvals/<uuid:approval_id>/",
    "buy/<slug:plan_id>/trial/",  # starts one of the visitor's own
    "buy/<slug:plan_id>/trial-with-card/",
    "buy/<slug:plan_id>/use-free-seat/",  # gives the visitor a seat of their own organisation's
    "my/seats/<uuid:seat_id>/",
    "my/invoices/<uuid:invoice_id>/pay/",
    "my/invoices/<uuid:invoice_id>/pay/return/",  # asks the bank
    # Takes nothing but what the provider has signed.
    "hooks/payments/<slug:gateway>/",
    "my/payment-methods/setups/<uuid:setup_id>/return/",
    "my/invoices/<uuid:invoice_id>/",
    "my/invoices/<uuid:invoice_id>/pdf/",
    "my/support/<uuid:case_id>/",
    "buy/<slug:plan_id>/",
    "checkouts/<uuid:checkout_id>/",
    "checkouts/<uuid:checkout_id>/return/",
    "payments/<uuid:key>/step/",  # there only with Stripe: tests/commerce/test_stripe_step.py acts on it
    "my/subscriptions/<uuid:subscription_id>/",
    "my/subscriptions/<uuid:subscription_id>/return/",  # asks the bank, and only about what the visitor ordered
}
