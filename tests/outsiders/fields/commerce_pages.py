"""Fields of the pages about purchases, for people and in the admin."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse

from commerce.deeds.purchases import STOP_RENEWAL
from commerce.deeds.seats import RELEASE_SEAT
from tests.outsiders.changed import align_form, shown
from tests.outsiders.fields.body import SAID, Body, one_seat, own_earlier_one, own_subscription, owner
from tests.outsiders.world import World

KNOWN_FIELDS: dict[str, set[str]] = {
    "WishesForm": set(),  # made of topics, and an amount
    "ScheduleForm": {"name", "every", "format"},
    "TemplateForm": {"customers", "template", "reason"},  # customers: of one's own delegations alone
    "SolutionForm": {"name", "text", "link", "products"},
    "EndForm": {"last_day"},
    # `partner` is a short name: who it is is told to nobody before they accept.
    "GrantForm": {"partner", "roles", "last_day"},
    "RecordForm": {"plan", "quantity", "once"},
    "ManyPeopleForm": {"file", "department"},
    "FormerPeopleForm": set(),  # people of the purchase alone
    "OfPurchaseForm": set(),  # made of the address; whose seats are asked for: see tests/admin/test_seats_in_bulk.py
    "CentraliseForm": set(),  # products of the acting organisation alone
    "ChoosePeopleForm": set(),  # and its people
    "AskPurchasersForm": {"message"},  # purchases of the centralisation besides
    "KeepForm": {"reason"},
    "TransferForm": {"to", "message"},
    "LeaverForm": {"choice", "to", "message", "pays"},
    "AgreementForm": {"name", "valid_from", "valid_to", "pay_by_invoice", "payment_days", "prices"},
    "CentralOrderForm": {"plan", "quantity", "agreement", "pay"},
    "NewAgreementForm": {
        "tenant", "name", "currency", "valid_from", "valid_to", "pay_by_invoice", "payment_days", "prices",
    },
    "DecideForm": {"quantity", "message"},
    "AlignForm": set(),  # those that the page lists, by id: see BODIES
    "EndCaseForm": {"subject", "body"},
    "ReadForm": set(),
    "SeatsForm": set(),
    "SellerForm": {"name", "country", "address", "tax_id", "markets"},
    "AnswerForm": {"body"},
    "AddCardForm": {"token", "for_organisation"},
    "AssignForm": {"members"},
    "CancelForm": {"reason"},
    "CardForm": {"payment_method"},
    "ChooseCardForm": set(),
    "CountryForm": set(),
    "EmailForm": {"email"},
    "FindSeatForm": {"q"},
    "NewCaseForm": {"subject", "body"},
    "AskForm": {"members", "reason"},
    "NextPayerForm": set(),
    "OrganisationPaysForm": set(),
    "NewSellerForm": {"name", "country", "address", "tax_id", "markets", "slug", "begins"},
    "PayForm": {"payment_method"},
    "StepsForm": {"retries", "letters", "without_retries"},
    "MessageForm": {"message"},
    "QuantityForm": set(),
    "TrialForm": set(),
    "ReleaseForm": set(),
    "TakeOverForm": {"mode", "target_subscription", "pays", "reimburse", "reason"},
    "TakeOnePurchaseOverForm": {"mode", "target_subscription", "pays", "reimburse", "reason"},
    "MergeForm": {"reason"},
    "ReplyForm": {"body"},
}  # fmt: skip


def _stop_renewal(world: World) -> dict[str, Any]:
    return {"deed": STOP_RENEWAL, "reason": "x", "confirm": "yes"}


def _previewed(mode: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"mode": mode, "preview": "yes"}


def _release(world: World) -> dict[str, Any]:
    return {"deed": RELEASE_SEAT, "reason": "Nobody uses it", "confirm": "yes"}


def _align_page(world: World) -> str:
    return reverse("my-subscription-align", args=[own_subscription(world).pk])


BODIES = [
    Body(
        "POST",
        "/admin/commerce/purchase/{own}/take-over/",
        "target_subscription",
        lambda w: str(w.central.subscription.pk),
        _previewed("move"),
    ),
    Body("POST", "/admin/commerce/purchase/{own}/take-over/", "members", lambda w: str(w.owner.pk), _previewed("move")),
    Body(
        "POST",
        "/admin/commerce/purchase/{own}/take-over/",
        "pays",
        lambda w: str(w.central.agreement.pk),
        _previewed("adopt"),
    ),
    Body(
        "POST",
        "/admin/commerce/purchase/{central}/merge/",
        "purchases",
        lambda w: str(w.subscription.pk),
        lambda w: {"preview": "yes"},
    ),
    Body("GET", "/admin/commerce/takeover/", "q", owner),
    Body("POST", "/my/subscriptions/{own}/transfer/", "to", owner),
    Body("POST", "/my/transfers/{offer}/accept/", "payment_method", lambda w: str(w.card.pk)),
    Body("POST", "/admin/commerce/leavertask/{leaver}/change/", "to", owner, lambda w: {"choice": "transfer"}),
    Body(
        "POST",
        "/admin/commerce/leavertask/{leaver}/change/",
        "pays",
        lambda w: str(w.central.agreement.pk),
        lambda w: {"choice": "adopt"},
    ),
    Body("GET", "/admin/commerce/leavertask/", "q", owner),
    Body("POST", "/my/invoices/{invoice}/pay/now/", "payment_method", lambda w: str(w.card.pk)),
    Body(
        "GET",
        "/admin/commerce/purchase/order/",
        "agreement",
        lambda w: str(w.central.agreement.pk),
        lambda w: {**one_seat(w), "pay": "invoice"},
    ),
    Body("GET", "/admin/commerce/purchase/order/", "pay", lambda w: str(w.card.pk), one_seat),
    Body("GET", "/admin/commerce/agreement/", "q", lambda w: w.central.agreement.name),
    Body("GET", "/admin/commerce/agreement/", "tenant__id__exact", lambda w: str(w.tenant.pk)),
    Body("POST", "/my/support/new/", "subscription", lambda w: str(w.subscription.pk), lambda w: SAID),
    Body(
        "POST",
        "/my/subscriptions/{own}/align/",
        "chosen",
        lambda w: [str(w.subscription.pk)],
        lambda w: {"shown": align_form(_align_page(w), own_subscription(w), own_earlier_one(w), w.outsider)["shown"]},
    ),
    Body(
        "POST",
        "/my/subscriptions/{own}/align/",
        "payment_method",
        lambda w: str(w.card.pk),
        lambda w: align_form(_align_page(w), own_subscription(w), own_earlier_one(w), w.outsider),
    ),
    Body(
        "POST",
        "/my/subscriptions/{own}/add-seats/",
        "payment_method",
        lambda w: str(w.card.pk),
        lambda w: {"quantity": 1, "when": "now", "shown": shown(own_subscription(w), 3)},
    ),
    Body(
        "POST",
        "/my/subscriptions/{own}/add-seats/",
        "shown",
        lambda w: shown(w.subscription, 3),
        lambda w: {"quantity": 1, "when": "now", "payment_method": "pm_card_visa"},
    ),
    Body("POST", "/checkouts/{checkout}/pay/", "payment_method", lambda w: str(w.card.pk), lambda w: {"quantity": 2}),
    Body("POST", "/my/payment-methods/add/", "token", lambda w: w.spare_card.reference),
    Body("POST", "/my/payment-methods/{card}/replace/", "card", lambda w: str(w.spare_card.pk)),
    Body("POST", "/my/subscriptions/{own}/card/", "card", lambda w: str(w.spare_card.pk)),
    Body("POST", "/my/subscriptions/{own}/assign/", "members", owner),
    Body("POST", "/my/subscriptions/{own}/release/", "seats", lambda w: str(w.seat.pk)),
    Body("POST", "/buy/{plan}/", "email", owner),
    Body("GET", "/admin/commerce/purchase/", "q", owner),
    Body("POST", "/admin/commerce/purchase/bulk/", "row", lambda w: str(w.subscription.pk), _stop_renewal),
    Body("POST", "/admin/commerce/purchase/bulk/", "subjects", lambda w: str(w.subscription.pk), _stop_renewal),
    Body("GET", "/admin/licensing/wastedseat/", "q", owner),
    Body("POST", "/admin/licensing/wastedseat/bulk/", "row", lambda w: str(w.seat.pk), _release),
    Body("POST", "/admin/licensing/wastedseat/bulk/", "subjects", lambda w: str(w.seat.pk), _release),
    Body("POST", "/admin/licensing/wastedseat/bulk/", "one", lambda w: f"{RELEASE_SEAT} {w.seat.pk}"),
    Body("GET", "/admin/commerce/purchase/", "purchaser__user__email", owner),
    Body("GET", "/admin/commerce/purchase/", "tenant__id__exact", lambda w: str(w.tenant.pk)),
    Body("GET", "/admin/commerce/purchase/", "id__exact", lambda w: str(w.subscription.pk)),
]
