"""
The purchases that a query asks for. The list, exports, bulk actions, saved filters and links all ask here, in one
language: names of filters and their values as text.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Q
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from commerce.models import BillingPeriod, Checkout, Purchase, Renewal
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.procurement import searching, spent
from licensing.models import GIVES_ACCESS, Channel, Family, Plan, Product, SubscriptionState
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.questions import no_filter
from tenants.refusal import BadInput
from tenants.text import is_clean

LONGEST = 200
TENANT = "tenant"
# Of `department`: whoever is in none.
NO_DEPARTMENT = "-"
MOST_DAYS = 3660
# Whatever is added to a moment of these is a moment.
YEARS = range(1970, 3000)
MOST, FINEST = Decimal(10**9), Decimal("0.000001")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """
    Within which organisations is asked, of which of them prices are told (None: all there are), and where and when.
    `tenant`: the one, where it is one alone.
    """

    tenant: Tenant | None = None
    among: Collection[UUID] | None
    priced: Collection[UUID] | None
    zone: ZoneInfo
    at: datetime

    @property
    def sees_prices(self) -> bool:
        return self.priced is None or bool(self.priced)


Narrow = Callable[[PurchaseQuerySet, str, Reader], PurchaseQuerySet]


def purchases(*, by: Actor, query: Mapping[str, str], at: datetime, tenant: Tenant | None = None) -> PurchaseQuerySet:
    """
    The purchases that somebody may see and that have all that is asked for; what is empty asks for nothing. Neither
    ordered nor with money: that is for whoever shows them. `tenant`: of an operator or the system, whose.

    :raises BadInput: a filter that does not exist, or a value that nothing of this organisation can have
    """
    rows, wrong = look(by=by, query=query, at=at, tenant=tenant)
    if wrong:
        raise wrong[0]
    return rows


def look(
    *, by: Actor, query: Mapping[str, str], at: datetime, tenant: Tenant | None = None
) -> tuple[PurchaseQuerySet, list[BadInput]]:
    """As `purchases`, with everything that is wrong with the query instead of the first; then nothing is found."""
    here = tenant or by.tenant
    among = [here.pk] if here else None
    sees_prices = by.is_system or by.is_operator or by.may(Right.SEE_ALL_PURCHASES)
    priced = among if sees_prices else []
    zone = here.zone if here else ZoneInfo("UTC")
    return narrowed(visible(by, tenant), query, Reader(tenant=here, among=among, priced=priced, zone=zone, at=at))


def narrowed(
    rows: PurchaseQuerySet, query: Mapping[str, str], reader: Reader
) -> tuple[PurchaseQuerySet, list[BadInput]]:
    """Those of some purchases that a query asks for, and everything that is wrong with it; then none."""
    wrong = []
    for name, value in asked(query).items():
        try:
            rows = _narrowed(rows, name, value, reader)
        except BadInput as bad:
            wrong.append(bad)
    return (Purchase.objects.none() if wrong else rows), wrong


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """What a query asks for, without what it leaves open."""
    stripped = {name: value.strip() for name, value in query.items()}
    return {name: value for name, value in stripped.items() if value}


def visible(by: Actor, tenant: Tenant | None = None) -> PurchaseQuerySet:
    """All that somebody may see, of one organisation, or for an operator or the system of any."""
    if by.is_operator or by.is_system:
        return Purchase.objects.of(tenant) if tenant else Purchase.objects.all()
    return Purchase.objects.visible_to(by)


def _narrowed(rows: PurchaseQuerySet, name: str, value: str, reader: Reader) -> PurchaseQuerySet:
    if name not in FILTERS:
        raise no_filter(name)
    if len(value) > LONGEST or not is_clean(value):
        raise BadInput(_("This cannot be looked for."), field=name)
    return FILTERS[name](rows, value, reader)


def by_channel(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    if value not in Channel.values:
        raise BadInput(_("There is no such channel."), field="channel", code="invalid_choice")
    return rows.filter(channel=value)


def by_state(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    if value not in SubscriptionState.values:
        raise BadInput(_("There is no such state."), field="state", code="invalid_choice")
    return rows.filter(state=value)


def by_product(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    plans = list(Plan.objects.filter(Q(product=value) | Q(product__slug=value)).values_list("pk", flat=True))
    if not plans and not Product.objects.filter(Q(pk=value) | Q(slug=value)).exists():
        raise BadInput(_("There is no such product."), field="product", code="does_not_exist")
    return rows.filter(plan__in=plans)


def by_family(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    plans = list(Plan.objects.filter(product__family=value).values_list("pk", flat=True))
    if not plans and not Family.objects.filter(pk=value).exists():
        raise BadInput(_("There is no such family of products."), field="family", code="does_not_exist")
    return rows.filter(plan__in=plans)


def by_purchaser(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    return rows.filter(purchaser__in=_somebody(value, reader, field="purchaser"))


def by_assigned(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    return searching.in_hands_of(rows, _somebody(value, reader, field="assigned_to"))


def by_department(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    """Of its people and those of the departments below it, or of those who are in none."""
    if value == NO_DEPARTMENT:
        return rows.filter(purchaser__department=None)
    departments = searching.departments_like(value, among=reader.among)
    if not departments:
        raise BadInput(_("There is no such department here."), field="department", code="does_not_exist")
    return rows.filter(purchaser__in=Membership.objects.filter(department__in=departments).values("pk"))


def by_expires_after(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    return rows.filter(term_end__gte=_moment(value, reader, field="expires_after"))


def by_expires_before(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    """A day is in it whole."""
    until = _moment(value, reader, field="expires_before")
    return rows.filter(term_end__lt=until + timedelta(days=1) if parse_date(value) else until)


def by_expires_within(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    """In so many days from now: what a filter that is kept can say for good."""
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_DAYS):
        raise BadInput(_("Type a number of days, such as 90."), field="expires_within")
    return rows.filter(term_end__gte=reader.at, term_end__lte=reader.at + timedelta(days=int(value)))


def by_unused(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    """Seats that nobody has, of what people may use."""
    if value != "1":
        raise BadInput(_("This filter is on (1) or left out."), field="unused", code="invalid_choice")
    return rows.filter(seats_assigned__lt=F("quantity"), state__in=GIVES_ACCESS)


def by_over(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    """A seat costs more, in the currency of each purchase. Only for those whom its price is told."""
    if not reader.sees_prices:
        raise BadInput(_("Your roles do not show you prices."), field="over", code="not_allowed")
    amount = _amount(value)
    # What ever cost so much is found along an index; whether it does now is asked of these alone.
    periods = BillingPeriod.objects.filter(unit_price__gt=amount)
    promised = Checkout.objects.filter(with_trial=True, trial__isnull=False, unit_price__gt=amount)
    if reader.priced is not None:
        periods, promised = periods.filter(tenant__in=reader.priced), promised.filter(tenant__in=reader.priced)
    ever = Q(pk__in=periods.values("subscription").union(promised.values("trial")))
    return rows.filter(ever).priced_over(amount)


def by_spent_in(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    """Those that the spend of a month, of all currencies or of one, is the sum of. Only for those who are told it."""
    if not reader.sees_prices:
        raise BadInput(_("Your roles do not show you prices."), field="spent_in", code="not_allowed")
    month = spent.Month.of(value)
    if month is None or month.first.year not in YEARS:
        raise BadInput(_("Type a month, such as 2026-03, or 2026-03 USD."), field="spent_in")
    return spent.in_month(rows, month, tenant=reader.tenant, among=reader.priced)


def by_renewal(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    if value == "coming":
        return rows.filter(state=SubscriptionState.ACTIVE, auto_renew=True)
    if value != "failed":
        raise BadInput(_("There is no such state of a renewal."), field="renewal", code="invalid_choice")
    failed = Renewal.objects.dunned()
    failed = failed if reader.among is None else failed.filter(tenant__in=reader.among)
    return rows.filter(pk__in=failed.values("subscription"))


def by_text(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    return searching.matching(rows, value, among=reader.among)


def by_tenant(rows: PurchaseQuerySet, value: str, reader: Reader) -> PurchaseQuerySet:
    """Of one organisation, by its short name, where all are asked: whoever asks one or some names none of others."""
    if reader.among is not None:
        raise BadInput(_("Only an operator, who asks all organisations, can name one."), field=TENANT)
    tenant = Tenant.objects.filter(slug=value).first()
    if tenant is None:
        raise BadInput(_("There is no such organisation."), field=TENANT, code="does_not_exist")
    return rows.of(tenant)


# The language of queries. What is here is in links, in files and in filters that people keep: never renamed.
FILTERS: dict[str, Narrow] = {
    "q": by_text,
    "channel": by_channel,
    "state": by_state,
    "product": by_product,
    "family": by_family,
    "purchaser": by_purchaser,
    "assigned_to": by_assigned,
    "department": by_department,
    "expires_after": by_expires_after,
    "expires_before": by_expires_before,
    "expires_within": by_expires_within,
    "unused": by_unused,
    "over": by_over,
    "spent_in": by_spent_in,
    "renewal": by_renewal,
    TENANT: by_tenant,
}


def _somebody(email: str, reader: Reader, *, field: str) -> list[UUID]:
    found = searching.members_at(email, among=reader.among)
    if not found:
        raise BadInput(_("Nobody here has this address."), field=field, code="does_not_exist")
    return found


def _moment(value: str, reader: Reader, *, field: str) -> datetime:
    """Of a day its beginning, where the organisation is."""
    try:
        moment, day = parse_datetime(value), parse_date(value)
    except ValueError:
        moment = day = None
    wrong = BadInput(_("Type a day, such as 2026-12-31."), field=field)
    year = moment.year if moment else day.year if day else None
    if year is not None and year not in YEARS:
        told = {"first": YEARS.start, "last": YEARS.stop - 1}
        raise BadInput(_("Type a day of the years %(first)s to %(last)s.") % told, field=field)
    if day is not None:
        return datetime(day.year, day.month, day.day, tzinfo=reader.zone)
    if moment is None:
        raise wrong
    # The database knows fewer distances from UTC than an ISO date may have.
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _amount(value: str) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= MOST and amount == amount.quantize(FINEST)):
        raise BadInput(_("Type an amount, such as 20 or 9.99."), field="over")
    return amount
