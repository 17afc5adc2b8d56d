from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from commerce.operations import demo
from commerce.operations.pricing import catalogue
from licensing.files import Change, read_text, tally
from licensing.models import Product
from policies.models import Market
from policies.operations import markets
from tenants.access import SYSTEM
from tenants.management.operator_command import OperatorCommand, Output, Stop

DATA = Path(__file__).resolve().parents[3] / "data"


class Command(OperatorCommand):
    help = "Sets up the organisations, people and purchases of the demo; what is there already stays as it is."
    takes_at = True

    def perform(self, *, at: datetime, **options: Any) -> Output:
        if not settings.DEMO:
            raise Stop("The demo's people all have one password that everybody knows. Set DEMO to have them.")
        changes: list[Change] = []
        if not Market.objects.exists():
            path = DATA / "markets.csv"
            changes += markets.load(text=read_text(path), name=str(path), by=SYSTEM, at=at)
        if not Product.objects.exists():
            path = DATA / "catalogue.yaml"
            changes += catalogue.load(text=read_text(path), name=str(path), by=SYSTEM, at=at)
        changes += demo.set_up(return_url=settings.BASE_URL, by=SYSTEM, at=at)
        return tally(changes)
