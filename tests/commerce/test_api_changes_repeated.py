"""Changes of a subscription that are sent again because the first call died on its way."""

from datetime import timedelta
from unittest.mock import Mock
from uuid import uuid4

import pytest
from django.utils import timezone

from commerce.api.changes import ChangeView
from commerce.models import Payment, Refund, SandboxCharge
from commerce.operations.changes import lines
from licensing.operations import lifecycle
from tenants.api.models import IdempotencyKey
from tests import ledger
from tests.callers import Api
from tests.commerce.changes import ask, path, quantity_of
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestACallThatDied:
    """Whoever sends it again gets what it did, never a second time."""

    def died(self, key="k"):
        IdempotencyKey.objects.filter(key=key).update(status=None, leased_until=timezone.now() - timedelta(seconds=1))

    @pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_authenticationRequired"])
    def test_after_it_ordered_seats(self, ana, half_gone, card):
        body = {"quantity": 8, "payment_method": card}
        first = ask(ana, half_gone, body)
        self.died()
        again = ask(ana, half_gone, body)
        assert again.status_code == first.status_code
        for field in ("state", "order", "next_action", "lines", "total", "quantity", "quantity_before"):
            assert again.json()[field] == first.json()[field], field
        assert Payment.objects.count() == 2

    def test_after_its_card_was_declined(self, ana, half_gone):
        body = {"quantity": 8, "payment_method": "pm_card_chargeDeclined"}
        first = ask(ana, half_gone, body)
        self.died()
        again = ask(ana, half_gone, body)
        assert (again.status_code, again.json()) == (402, first.json())
        assert SandboxCharge.objects.using("sandbox").count() == 2

    def test_after_it_gave_seats_back(self, ana, subscription, monkeypatch):
        shown = Api(ana).post(path(subscription), {"quantity": 1, "preview": True}).json()
        body = {"quantity": 1, "as_of": shown["as_of"]}
        with monkeypatch.context() as patch:
            patch.setattr(lines, "send_refunds", Mock(side_effect=SystemExit))
            with pytest.raises(SystemExit):
                ask(ana, subscription, body, key="k")
        # It is answered by its key, whatever was done to the subscription since.
        assert ask(ana, subscription, {"quantity": 7}, key="another").json()["quantity_before"] == 1
        again = ask(ana, subscription, body, key="k")
        assert (again.status_code, again["Idempotent-Replayed"]) == (200, "true")
        for field in ("lines", "total", "quantity", "quantity_before", "scheduled_quantity", "as_of"):
            assert again.json()[field] == shown[field], field
        assert (again.json()["quantity_before"], again.json()["quantity"]) == (2, 1)
        assert quantity_of(subscription) == 7
        assert Refund.objects.count() == 1

    def test_one_that_was_only_slow_does_nothing_once_another_has_taken_it_over(self, ana, subscription, monkeypatch):
        def taken_over(self, quote, **options):
            IdempotencyKey.objects.update(lease=uuid4())
            return told(self, quote, **options)

        told = ChangeView.told
        monkeypatch.setattr(ChangeView, "told", taken_over)
        late = ask(ana, subscription, {"quantity": 1}, key="k")
        assert (late.status_code, late.json()["code"]) == (409, "idempotency_key_in_use")
        assert quantity_of(subscription) == 2
        assert not Refund.objects.exists()

    def test_after_it_reactivated(self, ana, plan):
        subscription = buy(ana, plan, 2, at=timezone.now() - timedelta(days=40))
        lifecycle.advance_due(at=timezone.now())
        first = ask(ana, subscription, {}, action="reactivate/")
        self.died()
        again = ask(ana, subscription, {}, action="reactivate/")
        assert (again.status_code, again.json()["order"]) == (200, first.json()["order"])
        assert len(ledger.captured()) == 2

    def test_before_it_did_anything(self, ana, half_gone):
        refused = ask(ana, half_gone, {"quantity": 8, "payment_method": "nonsense"})
        assert refused.status_code == 400
        assert ask(ana, half_gone, {"quantity": 8}).status_code == 200
