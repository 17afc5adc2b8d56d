"""Renewing in tests: one sweep, in this thread, at a moment."""

from commerce.models import Renewal
from commerce.operations.changes import scheduled
from commerce.operations.renewing import sweeps
from commerce.operations.renewing.renewals import Provider

PROVIDER = Provider(site="http://testserver")


def sweep(at, **options):
    """What it came to, by result."""
    return dict(sweeps.renew_due(provider=PROVIDER, at=at, hands=1, **options))


def advance(at):
    """As the other sweep: terms end, or the next ones begin."""
    return scheduled.advance_due(at=at)


def renewal_of(subscription):
    return Renewal.objects.filter(subscription=subscription).latest("starts_at")
