"""The sentences that go with reason codes, written once and translated when read."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from policies.rules import Verdict

_SENTENCES: dict[str, str | Promise] = {
    "guest_user": _("You are a guest in this organisation; only its own members can buy here."),
    "user_not_active": _("This account is not active."),
    "tenant_not_managed": _("Your organisation has no managed directory, so its people can't buy by themselves."),
    "sector_excluded": _("Organisations in the sector “%(sector)s” can't use self-service purchase."),
    "market_closed": _("Self-service purchase is not available in %(country)s."),
    "market_not_open_yet": _("Self-service purchase opens in %(country)s on %(opens_on)s."),
    "operator_exclusion": _("This product is not available to your organisation by self-service purchase."),
    "product_not_self_service": _("This product can't be bought by self-service; only your organisation can buy it."),
    "policy_disabled": _("Your organisation does not allow its people to buy this product themselves."),
    "policy_trials_only": _("Your organisation allows only trials of this product, no purchases."),
    "approval_required": _("Your organisation wants somebody to approve this purchase first."),
    "trial_not_offered": _("There is no trial of this product."),
    "trial_already_used": _("You have had your trial of this product."),
    "spend_limit_exceeded": _(
        "This would pass your organisation's spending limit of %(limit)s %(currency)s: %(committed)s is taken already."
    ),
    "spend_limit_other_currency": _(
        "Your organisation's spending limit is in %(currency)s and this costs another currency, so somebody has to "
        "approve it."
    ),
    "no_approver": _("This purchase needs an approval, and there is nobody in your organisation to ask for it."),
    "self_service_stopped": _("Your organisation has stopped all self-service purchases."),
    "plan_not_renewable": _("This plan is no longer sold, so it does not renew."),
    "quantity_out_of_range": _("You can buy %(smallest)s to %(largest)s seats at once; you asked for %(quantity)s."),
}

_SECTORS: dict[str, str | Promise] = {
    "government": _("government"),
    "nonprofit": _("non-profit"),
    "education": _("education"),
    "commercial": _("commercial"),
}

_READABLE: dict[str, Callable[[Any], Any]] = {
    "country": lambda code: countries.name(code) or code,
    "opens_on": lambda day: date_format(day, "DATE_FORMAT"),
    "sector": lambda sector: _SECTORS.get(sector, sector),
}


def sentence(code: str, parameters: Mapping[str, Any]) -> str:
    """One plain sentence for a reason, in the reader's language."""
    readable = {name: _READABLE[name](value) if name in _READABLE else value for name, value in parameters.items()}
    return str(_SENTENCES[code]) % readable


def as_reason(verdict: Verdict) -> dict[str, str]:
    """A failed verdict as the API and the pages give it: `code` and `detail`."""
    return {"code": verdict.code, "detail": sentence(verdict.code, verdict.parameters)}
