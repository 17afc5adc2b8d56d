"""The figures of the first page: each of them one query over what is summed up already, however much was bought."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from commerce.amounts import figures, money
from commerce.models import MonthlySpend
from commerce.operations.procurement import coming, customers, found
from commerce.operations.procurement.spent import Month
from config.home import charts
from config.home.reach import Reach
from licensing.models import Channel, SeatTally
from tenants.dates import listed_day

MONTHS = 12
# Of products, departments and organisations.
SHOWN = 8
ZERO = Decimal(0)


def months_until(today: date) -> list[date]:
    """The first days of twelve months, this one last."""
    count = today.year * 12 + today.month - MONTHS
    return [date((count + step) // 12, (count + step) % 12 + 1, 1) for step in range(MONTHS)]


# --- Spend


def spend(reach: Reach) -> list[dict[str, Any]]:
    """By currency, which are never added up: a chart and its table. One query."""
    if not reach.has_prices:
        return []
    months = months_until(reach.at.astimezone(reach.zone).date())
    rows = list(MonthlySpend.objects.among(reach.priced).since(months[0]).summed())
    currencies = sorted({row["currency"] for row in rows})
    found = [_in_currency(currency, [r for r in rows if r["currency"] == currency], months) for currency in currencies]
    return [_with_lists(one, reach) for one in found] if reach.has_lists else found


def _with_lists(one: dict[str, Any], reach: Reach) -> dict[str, Any]:
    """Each month, and each channel in which something moved, leads to the purchases that its figure is the sum of."""
    for month in one["months"]:
        asked = {"spent_in": str(Month(first=month["first"], currency=one["currency"]))}
        month["url"] = reach.purchases(**asked)
        for cell, channel in zip(month["cells"], one["channels"], strict=True):
            cell["url"] = reach.purchases(**asked, channel=channel["kind"]) if cell["moved"] else ""
    for channel in one["channels"]:
        channel["url"] = reach.purchases(channel=channel["kind"])
    return one


def _in_currency(currency: str, rows: list[dict[str, Any]], months: list[date]) -> dict[str, Any]:
    spent = {(row["month"], row["channel"]): row["spent"] for row in rows}
    channels = [channel for channel in Channel if any(key[1] == channel for key in spent)]
    columns = [{channel.value: spent.get((month, channel), ZERO) for channel in channels} for month in months]
    bars, width = charts.stacked(columns, [channel.value for channel in channels])
    totals = [sum(column.values(), ZERO) for column in columns]
    return {
        "currency": currency,
        "total": money(sum(totals, ZERO), currency),
        "this_month": money(totals[-1], currency),
        "most": money(max([*totals, ZERO]), currency),
        "bars": bars,
        "width": width,
        "channels": [{"kind": each.value, "name": each.label} for each in channels],
        "months": [
            {
                "first": month,
                "name": date_format(month, "M"),
                "whole": date_format(month, "F Y"),
                "cells": [
                    {"amount": figures(column[channel.value], currency), "moved": (month, channel.value) in spent}
                    for channel in channels
                ],
                "total": figures(total, currency),
            }
            for month, column, total in zip(months, columns, totals, strict=True)
        ],
        "sums": [figures(sum((column[each.value] for column in columns), ZERO), currency) for each in channels],
        "sum": figures(sum(totals, ZERO), currency),
    }


# --- Seats


def seats(reach: Reach) -> dict[str, Any]:
    """What is bought and used in all, by product, and by department, or of several organisations by organisation."""
    third = ("department", "department__name") if reach.of_one else ("tenant__slug", "tenant__name")
    tally = SeatTally.objects.among(reach.tenants).of_channels(reach.channels)
    # An operator has thousands of organisations: those are summed up by themselves, the largest alone.
    if reach.of_one:
        rows = list(tally.summed_by("product", "product__name", *third))
        others = rows
    else:
        rows = list(tally.summed_by("product", "product__name"))
        others = list(tally.summed_by(*third).order_by("-all_seats", "tenant__name")[: SHOWN + 1])
    products = _groups(rows, "product", "product__name")
    by_other = _groups(others, *third)
    names = {each["key"]: each["name"] for each in by_other}
    bought, used = sum(each["seats"] for each in products), sum(each["used"] for each in products)
    return {
        "purchases": sum(each["purchases"] for each in products),
        "seats": bought,
        "used": used,
        "unused": bought - used,
        "percent": round(100 * used / bought) if bought else 0,
        "bars": charts.share(used, bought, bought),
        "unused_url": reach.purchases(unused="1"),
        "by_product": _shown(products, lambda product: reach.purchases(product=str(product))),
        "by_other": _shown(by_other, lambda other: _other_url(other, names, reach)),
    }


def _other_url(other: Any, names: Mapping[Any, str | None], reach: Reach) -> str:
    """Of a department or of who is in none, of a partner's customer, or of one of all organisations."""
    if reach.of_one:
        return reach.purchases(department=names[other] or found.NO_DEPARTMENT)
    return reach.purchases(**{customers.CUSTOMER if reach.of_customers else found.TENANT: str(other)})


def _groups(rows: Iterable[dict[str, Any]], key: str, name: str) -> list[dict[str, Any]]:
    """Rows of one key summed up, the one with most seats first."""
    groups: dict[Any, dict[str, Any]] = {}
    for row in rows:
        group = groups.setdefault(row[key], {"key": row[key], "name": row[name], "purchases": 0, "seats": 0, "used": 0})
        for figure in ("purchases", "seats", "used"):
            group[figure] += row[f"all_{figure}"]
    return sorted(groups.values(), key=lambda group: (-group["seats"], str(group["name"])))


def _shown(groups: list[dict[str, Any]], url: Callable[[Any], str]) -> dict[str, Any]:
    most = max((group["seats"] for group in groups), default=0)
    lines = [
        {
            **group,
            "name": group["name"] or _("No department"),
            "url": url(group["key"]),
            "bars": charts.share(group["used"], group["seats"], most),
        }
        for group in groups[:SHOWN]
    ]
    return {"lines": lines, "more": len(groups) - len(lines)}


# --- Renewals


def renewals(reach: Reach) -> dict[str, Any]:
    """Of the next 90 days, in windows of 30. One query."""
    windows, more = coming.renewing(tenants=reach.tenants, channels=reach.channels, zone=reach.zone, at=reach.at)
    most = max((window.seats for window in windows), default=0)
    # Where more renew than are read, the last window that was reached is not counted whole, and later ones not at all.
    reached = max((step for step, window in enumerate(windows) if window.purchases), default=0)
    whole = [not more or step < reached for step in range(len(windows))]
    lines = [
        {
            "whole": is_whole,
            "begun": bool(window.purchases),
            "days": f"{listed_day(window.first)} – {listed_day(window.last)}",
            "url": _expiring(window, reach),
            "purchases": window.purchases,
            "seats": window.seats,
            "amounts": [money(amount, currency) for currency, amount in window.amounts.items()],
            "bars": charts.share(window.seats, window.seats, most),
        }
        for window, is_whole in zip(windows, whole, strict=True)
    ]
    # Customers of one partner may tell it their prices, or not: then nobody's are added up here.
    sees = reach.has_prices and (reach.tenants is None or set(reach.tenants) == set(reach.priced or ()))
    return {"lines": lines, "any": bool(most), "more": more, "sees_prices": sees}


def _expiring(window: coming.Renewing, reach: Reach) -> str:
    between = {"expires_after": window.first.isoformat(), "expires_before": window.last.isoformat()}
    return reach.purchases(renewal="coming", **between)
