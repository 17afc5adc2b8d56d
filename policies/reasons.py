"""The sentences that go with reason codes, written once and translated when read."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from policies.facts import Remedy, Verdict

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
    # Without amounts: what others spend is not for every buyer's eyes.
    "spend_limit_exceeded": _("This would pass a spending limit of your organisation."),
    "spend_limit_other_currency": _(
        "A spending limit of your organisation is in %(currency)s, and this costs another currency."
    ),
    "no_approver": _("This purchase needs an approval, and there is nobody in your organisation to ask for it."),
    "self_service_stopped": _("Your organisation has stopped all self-service purchases."),
    "plan_not_renewable": _("This plan is no longer sold, so it does not renew."),
    "quantity_out_of_range": _("You can buy %(smallest)s to %(largest)s seats at once; you asked for %(quantity)s."),
}

# What each rule asks, so that it is true where the rule passed.
_TITLES: dict[str, str | Promise] = {
    "is_a_member": _("The person is a member of the organisation"),
    "is_active": _("The account is active"),
    "tenant_is_managed": _("The organisation has a managed directory"),
    "sector_is_allowed": _("The organisation's sector may buy"),
    "market_is_open": _("The country is open for the product"),
    "nothing_excludes": _("The operator excludes nothing here"),
    "product_is_self_service": _("The product is sold by self-service"),
    "self_service_goes_on": _("Self-service is not stopped"),
    "policy_allows": _("The organisation's policy allows it"),
    "trial_is_left": _("A trial is left, where one is asked for"),
    "quantity_is_in_range": _("The quantity can be bought"),
    "spend_is_within_limit": _("It stays within the spending limits"),
    "somebody_can_approve": _("Somebody can approve it, where that is needed"),
    "plan_is_renewable": _("The plan is still sold"),
}

_WOULD_PASS: dict[str, str | Promise] = {
    "guest_user": _("The person buys in their own organisation, or this one makes them a member."),
    "user_not_active": _("An admin activates the account."),
    "tenant_not_managed": _("The organisation gets a managed directory."),
    "sector_excluded": _("The operator ends the exclusion of the sector."),
    "market_closed": _("The operator opens %(country)s for %(product)s."),
    "market_not_open_yet": _("Wait until %(opens_on)s."),
    "operator_exclusion": _("The operator ends the exclusion."),
    "product_not_self_service": _("The operator sells %(product)s by self-service; an admin can buy it already."),
    "policy_disabled": _("An admin sets %(product)s to Enabled."),
    "policy_trials_only": _("An admin sets %(product)s to Enabled."),
    "approval_required": _("Somebody approves it."),
    "trial_not_offered": _("Buy %(product)s instead: it has no trial."),
    "trial_already_used": _("Buy %(product)s instead: each person has one trial."),
    "spend_limit_exceeded": _("Buy less, wait for the limit's next period, or an admin raises the limit."),
    "spend_limit_other_currency": _("An admin sets the limit in the currency of this purchase."),
    "no_approver": _("An admin names an approver."),
    "self_service_stopped": _("An admin lets people buy again."),
    "plan_not_renewable": _("The operator sells the plan again."),
    "quantity_out_of_range": _("Ask for %(smallest)s to %(largest)s seats."),
}
# A value for a product does not reach where a narrower one was said.
_WOULD_PASS_AT: dict[str, str | Promise] = {
    "person": _("An admin sets this person's own value to Enabled, or takes it back where the wider one allows it."),
    "group": _("An admin sets the department's value to Enabled, or makes an exception for this person."),
}
_BY_REMEDY: dict[Remedy, str | Promise] = {
    Remedy.APPROVAL: _("Somebody approves it."),
    Remedy.TRIAL: _("Start a trial instead, or an admin sets %(product)s to Enabled."),
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
    return str(_SENTENCES[code]) % _readable(parameters)


def title(rule: str) -> str:
    """What a rule asks, in the reader's language."""
    return str(_TITLES[rule])


def would_pass(verdict: Verdict, product: str) -> str:
    """What would make a failed rule pass, in one sentence; `product` is the name of what is asked about."""
    said = _BY_REMEDY.get(verdict.remedy)
    if said is None and verdict.rule == "policy_allows":
        said = _WOULD_PASS_AT.get(verdict.source.level)
    return str(said or _WOULD_PASS[verdict.code]) % {**_readable(verdict.parameters), "product": product}


def _readable(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _READABLE[name](value) if name in _READABLE else value for name, value in parameters.items()}


def as_reason(verdict: Verdict) -> dict[str, str]:
    """A failed verdict as the API and the pages give it: `code` and `detail`."""
    return {"code": verdict.code, "detail": sentence(verdict.code, verdict.parameters)}
