"""What renews in the next months, read for the first page of the procurement view."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

WINDOW = timedelta(days=30)
WINDOWS = 3
# No more are read, however many there are: the first of them, which are those that matter most.
MOST = 5_000

# The first part is read from an index alone; each term has its price in the period that was charged for it.
RENEWING = """
    WITH renewing AS (
        SELECT id, term_end, quantity FROM licensing_subscription
        WHERE state = 'active' AND auto_renew AND term_end >= %(since)s AND term_end < %(until)s
            AND (%(all_tenants)s OR tenant_id = ANY(%(tenants)s))
            AND (%(all_channels)s OR channel = ANY(%(channels)s))
        ORDER BY term_end LIMIT %(most)s
    )
    SELECT width_bucket(renewing.term_end, %(bounds)s::timestamptz[]), period.currency,
           count(*), sum(renewing.quantity), sum(renewing.quantity * period.unit_price)
    FROM renewing
    LEFT JOIN commerce_billingperiod AS period
        ON period.subscription_id = renewing.id AND period.ends_at = renewing.term_end
    GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Renewing:
    """What renews from one day to another, both included, and what that costs at the prices of the present terms."""

    first: date
    last: date
    purchases: int
    seats: int
    # By currency; empty where nothing was charged yet.
    amounts: dict[str, Decimal]


def renewing(
    *, tenants: Collection[UUID] | None, channels: Collection[str] | None, zone: ZoneInfo, at: datetime
) -> tuple[list[Renewing], bool]:
    """
    Three windows of 30 days from today on, of some tenants (None: of all), and whether there were more than are read.
    One query.
    """
    today = at.astimezone(zone).date()
    days = [today + WINDOW * step for step in range(WINDOWS + 1)]
    bounds = [datetime(day.year, day.month, day.day, tzinfo=zone) for day in days]
    with connection.cursor() as cursor:
        cursor.execute(
            RENEWING,
            {
                "since": bounds[0],
                "until": bounds[-1],
                "bounds": bounds[:-1],
                "all_tenants": tenants is None,
                "tenants": list(tenants or ()),
                "all_channels": channels is None,
                "channels": list(channels or ()),
                "most": MOST + 1,
            },
        )
        rows = cursor.fetchall()
    windows = [
        _window(days[step], days[step + 1], [row for row in rows if row[0] == step + 1]) for step in range(WINDOWS)
    ]
    return windows, sum(window.purchases for window in windows) > MOST


def _window(first: date, after: date, rows: list[tuple]) -> Renewing:
    return Renewing(
        first=first,
        last=after - timedelta(days=1),
        purchases=sum(row[2] for row in rows),
        seats=sum(row[3] for row in rows),
        amounts={currency: amount for _step, currency, _count, _seats, amount in rows if currency},
    )
