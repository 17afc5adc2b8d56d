"""Spend and renewals on the first page: each one query over what is summed up already, however much was bought."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format

from commerce.amounts import figures, money
from commerce.models import MonthlySpend
from commerce.operations.procurement import coming
from commerce.operations.procurement.spent import Month
from config.home import charts
from config.home.reach import Reach
from licensing.models import Channel
from tenants.dates import listed_day

MONTHS = 12
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
