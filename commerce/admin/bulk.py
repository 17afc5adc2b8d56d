"""What the list of purchases offers for several at once, and what would come of it for each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.bulk_take_over import TAKES_OVER
from commerce.admin.purchase_facts import said
from commerce.deeds.purchases import (
    ALLOW_RENEWAL,
    ASK_TO_CANCEL,
    STOP_RENEWAL,
    TURN_RENEWAL_OFF,
    TURN_RENEWAL_ON,
    require_turnable,
)
from commerce.models import CancellationRequest, Purchase
from commerce.models.cancellation_request import LONGEST_REQUEST_MESSAGE
from commerce.operations.centralising import requests
from commerce.operations.changes import stopping
from licensing.operations import renewal_stops
from tenants.access import Actor
from tenants.dates import listed_day
from tenants.procurement_bulk import Amount, BulkAction, NothingChanges, Preview, PreviewLine
from tenants.refusal import Refused

# What would come of one of them. It raises what the operation would, and `NothingChanges`.
Outcome = Callable[[Purchase], str | Promise]


def each(outcome: Outcome, *, money: str | Promise = "") -> Preview:
    """`money`: what the charge of the next term is here; nothing for who does not see prices."""

    def preview(rows: Sequence[Purchase], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
        return [_line(row, outcome, money) for row in rows]

    return preview


def _line(row: Purchase, outcome: Outcome, money: str | Promise) -> PreviewLine:
    try:
        told = outcome(row)
    except Refused as refused:
        return PreviewLine(subject=str(row.pk), text=said(row), refused=str(refused))
    except NothingChanges as so:
        return PreviewLine(subject=str(row.pk), text=said(row), unchanged=str(so))
    charged = _next_charge(row, money) if money else []
    return PreviewLine(subject=str(row.pk), text=said(row), outcome=told, money=charged)


def _next_charge(row: Purchase, label: str | Promise) -> list[Amount]:
    if row.unit_price is None or not row.currency:
        return []
    return [Amount(label=label, amount=row.unit_price * row.quantity, currency=row.currency)]


def _stopped(row: Purchase) -> str:
    stopping.require_stoppable(row)
    return _("Ends on %(day)s. Its purchaser is told.") % {"day": listed_day(row.term_end)}


def _allowed(row: Purchase) -> str:
    renewal_stops.require_stopped(row)
    return _("Its purchaser may turn renewal on again, and is told.")


def _turned(auto_renew: bool) -> Outcome:
    def outcome(row: Purchase) -> str:
        require_turnable(row, auto_renew=auto_renew)
        told = _("Renews on %(day)s.") if auto_renew else _("Ends on %(day)s.")
        return told % {"day": listed_day(row.term_end)}

    return outcome


def _asked(rows: Sequence[Purchase], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
    waiting = CancellationRequest.objects.waiting().filter(subscription__in=[row.pk for row in rows])
    there = set(waiting.values_list("subscription", "member"))

    def outcome(row: Purchase) -> str:
        owner = requests.whom_to_ask(row)
        if (row.pk, owner.pk) in there:
            raise NothingChanges(_("Asked already; nobody is asked twice."))
        return _("%(who)s is asked, and reminded after 2 and 5 days.") % {"who": owner}

    return each(outcome)(rows, given, by, at)


class MessageForm(forms.Form):
    message = forms.CharField(
        label=gettext_lazy("Message to the purchasers"),
        help_text=gettext_lazy("Stands in the letter that asks them. You may leave it empty."),
        max_length=LONGEST_REQUEST_MESSAGE,
        required=False,
        initial="",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


PURCHASES = [
    BulkAction(
        deed=ASK_TO_CANCEL,
        intro=gettext_lazy(
            "Whoever manages them gets a letter that asks them to cancel, is reminded, and answers. Nothing ends "
            "before they cancel."
        ),
        preview=_asked,
        form_for=lambda actor, data=None: MessageForm(data),
    ),
    TAKES_OVER,
    BulkAction(
        deed=STOP_RENEWAL,
        intro=gettext_lazy(
            "What people bought ends with the term that is paid, and they cannot turn renewal on. Everybody keeps "
            "access until then. Nothing is refunded."
        ),
        preview=each(_stopped, money=gettext_lazy("not charged again")),
    ),
    BulkAction(
        deed=ALLOW_RENEWAL,
        intro=gettext_lazy(
            "Whoever bought them decides about their renewal again. It stays off until they turn it on."
        ),
        preview=each(_allowed),
    ),
    BulkAction(
        deed=TURN_RENEWAL_OFF,
        intro=gettext_lazy("What the organisation itself owns ends with the term that is paid."),
        preview=each(_turned(False), money=gettext_lazy("not charged again")),
    ),
    BulkAction(
        deed=TURN_RENEWAL_ON,
        intro=gettext_lazy("What the organisation itself owns renews at the end of its term, and is charged then."),
        preview=each(_turned(True), money=gettext_lazy("at the next renewal, before tax")),
    ),
]
