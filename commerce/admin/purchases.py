"""Purchases as procurement reads them. Orders create them, so nothing is typed in."""

from django.contrib import admin

from commerce.admin import bulk
from commerce.admin.exports import Exports
from commerce.admin.merging import Merging
from commerce.admin.purchase_facts import said
from commerce.admin.purchase_page import PurchasePage
from commerce.admin.renewal_stops import RenewalStops
from commerce.admin.schedules import Schedules
from commerce.admin.seats import SeatGiving
from commerce.admin.taking_over import TakingOver
from commerce.admin.trials import Trials
from commerce.models import Purchase
from tenants.access import Right
from tenants.procurement_bulk import BulkActions


@admin.register(Purchase)
class PurchaseAdmin(
    BulkActions, TakingOver, Merging, SeatGiving, RenewalStops, Trials, Schedules, Exports, PurchasePage
):
    """
    Every purchase of the organisation, however it was bought; without prices, or the central ones alone, for those who
    only give its seats.
    """

    right = Right.SEE_CENTRAL_PURCHASES
    bulk_actions = bulk.PURCHASES

    def named(self, row: Purchase) -> str:
        return said(row)
