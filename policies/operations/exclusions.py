"""Where the operator refuses self-service: said, changed and taken back, with what that would do told before."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Self

from django.db import transaction
from django.db.models import DateField, F, Func, Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from licensing.models import Channel, Family, Product, Subscription
from licensing.models.subscription import GIVES_ACCESS
from policies.models import Exclusion
from tenants.access import Actor
from tenants.directory.models import Sector, Tenant
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import checked_reason


class ExclusionGone(Refused):
    message = _("Somebody has taken this exclusion back meanwhile.")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Whom and what an exclusion hits, and when. What is empty is all of it; a tenant must fit all that is named."""

    sector: str = ""
    country: str = ""
    family: Family | None = None
    product: Product | None = None
    valid_from: date | None = None
    # The first day on which it is over.
    valid_to: date | None = None
    ends_renewals: bool = False

    @classmethod
    def of(cls, exclusion: Exclusion) -> Self:
        return cls(**{name: getattr(exclusion, name) for name in cls.__dataclass_fields__})

    @property
    def said(self) -> dict[str, Any]:
        """As the journal keeps them."""
        return asdict(self) | {
            "family": self.family.pk if self.family else None,
            "product": self.product.pk if self.product else None,
        }


@dataclass(frozen=True, kw_only=True)
class Effects:
    """
    What an exclusion does: how many tenants it hits, and how many running self-service subscriptions would not renew.

    None ends with one that lets renewals be. Of one that begins later the subscriptions are those at most: a purchase
    may have no renewal while it holds.
    """

    tenants: int
    renewals_ended: int


def effects(terms: Terms) -> Effects:
    """
    Two queries, nothing is written.

    :raises BadInput: as `add`
    """
    _check(terms)
    tenants = Tenant.objects.filter(_named(sector=terms.sector, country=terms.country))
    ended = _renewing(terms).count() if terms.ends_renewals else 0
    return Effects(tenants=tenants.count(), renewals_ended=ended)


@transaction.atomic
def add(*, terms: Terms, reason: str, by: Actor, at: datetime) -> Exclusion:
    """
    Refuse self-service wherever all that is named fits. What was bought stays, and renews unless it ends renewals.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: nothing is named, something unknown, days that cannot be, or a reason that cannot be kept
    """
    by.require_operator()
    reason = checked_reason(reason)
    _check(terms)
    row = Exclusion.objects.create(**_columns(terms), reason=reason, created_at=at, set_by=by.user, set_at=at)
    _record("exclusion.added", row, old=None, new=terms, reason=reason, by=by, at=at)
    return row


@transaction.atomic
def change(*, exclusion: Exclusion, terms: Terms, reason: str, by: Actor, at: datetime) -> Exclusion:
    """
    From now on it hits what is said here, for this reason. The same again changes nothing.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: as `add`
    :raises ExclusionGone: somebody has taken it back meanwhile
    """
    by.require_operator()
    reason = checked_reason(reason)
    _check(terms)
    row = _locked(exclusion)
    if row is None:
        raise ExclusionGone
    old = Terms.of(row)
    if (old, row.reason) == (terms, reason):
        return row
    for name, value in _columns(terms).items():
        setattr(row, name, value)
    row.reason, row.set_by, row.set_at = reason, by.user, at
    row.save()
    _record("exclusion.changed", row, old=old, new=terms, reason=reason, by=by, at=at)
    return row


@transaction.atomic
def remove(*, exclusion: Exclusion, reason: str, by: Actor, at: datetime) -> None:
    """
    Take it back; one that somebody has taken back already stays so.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: a reason that is missing or cannot be kept
    """
    by.require_operator()
    reason = checked_reason(reason)
    row = _locked(exclusion)
    if row is not None:
        _record("exclusion.removed", row, old=Terms.of(row), new=None, reason=reason, by=by, at=at)
        row.delete()


def _locked(exclusion: Exclusion) -> Exclusion | None:
    # Of two operators at once the second finds what the first wrote, and both stand in the journal.
    rows = Exclusion.objects.select_for_update(of=("self",), no_key=True).select_related("family", "product")
    return rows.filter(pk=exclusion.pk).first()


def _columns(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Terms.__dataclass_fields__}


def _check(terms: Terms) -> None:
    if terms.sector and terms.sector not in Sector.values:
        raise BadInput(_("There is no such sector."), field="sector", code="invalid_choice")
    if terms.country and terms.country not in dict(countries):
        raise BadInput(_("There is no such country."), field="country", code="invalid_choice")
    if not (terms.sector or terms.country or terms.family or terms.product):
        raise BadInput(_("Name a sector, a country, a family or a product."), field="sector", code="required")
    if terms.family and terms.product and terms.product.family_id != terms.family.pk:
        raise BadInput(_("This product is not of that family."), field="product", code="not_of_this_family")
    if terms.valid_from and terms.valid_to and terms.valid_to <= terms.valid_from:
        raise BadInput(_("It must end after it begins."), field="valid_to", code="ends_before_it_begins")


def _renewing(terms: Terms) -> Any:
    """Running subscriptions that people bought themselves and that would renew before the exclusion is over."""
    # Due on the day on which the term ends, where the subscription is at home.
    due_on = Cast(Func(F("time_zone"), F("term_end"), function="timezone"), DateField())
    rows = Subscription.objects.annotate(due_on=due_on).filter(
        _named(tenant__sector=terms.sector, tenant__country=terms.country),
        _named(plan__product__family=terms.family, plan__product=terms.product),
        channel=Channel.SELF_SERVICE,
        state__in=GIVES_ACCESS,
        auto_renew=True,
    )
    return rows.filter(due_on__lt=terms.valid_to) if terms.valid_to else rows


def _named(**lookups: Any) -> Q:
    return Q(**{lookup: value for lookup, value in lookups.items() if value})


def _record(
    type: str, row: Exclusion, *, old: Terms | None, new: Terms | None, reason: str, by: Actor, at: datetime
) -> None:
    events.record(
        type,
        tenant=None,
        by=by,
        at=at,
        subject=row.pk,
        old=old.said if old else None,
        new=new.said if new else None,
        reason=reason,
    )
