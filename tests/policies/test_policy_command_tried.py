"""The `policy` command tries changes out, and ends what people have bought."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from licensing.models import Channel
from licensing.operations import subscriptions
from policies.eligibility import decide
from policies.models import Ending, Policy, TenantSettings
from policies.operations import decisions
from tenants.access import SYSTEM
from tests.factories import PlanFactory, acting

pytestmark = pytest.mark.django_db


@pytest.fixture
def bought(ana, product):
    """Ana asked for the product and has it."""
    now = timezone.now()
    decisions.keep(answer=decide(ana, product, at=now), by=acting(ana), at=now)
    return subscriptions.grant(
        plan=PlanFactory(product=product),
        quantity=1,
        channel=Channel.SELF_SERVICE,
        purchaser=ana,
        order_ref="order",
        by=SYSTEM,
        at=now,
    )


def run(*args):
    out = io.StringIO()
    call_command("policy", *args, stdout=out)
    return out.getvalue()


@pytest.fixture(params=["set", "set-default", "stop"])
def command(request, bought, product):
    slug = bought.tenant.slug
    return {
        "set": ["set", slug, product.pk, "disabled", "--reason", "Too dear"],
        "set-default": ["set-default", slug, "disabled"],
        "stop": ["stop", slug],
    }[request.param]


def test_a_dry_run_tells_what_it_would_touch_and_changes_nothing(command, ana, bought):
    told = json.loads(run(*command, "--dry-run", "--json"))
    [decision] = told["decisions"]["first"]
    assert (decision["member"], decision["old"], decision["new"]) == (ana.user.email, "allowed", "refused")
    assert [one["id"] for one in told["subscriptions"]["first"]] == [str(bought.pk)]
    assert ana.user.email in run(*command, "--dry-run")
    assert (Policy.objects.count(), TenantSettings.objects.count(), Ending.objects.count()) == (0, 0, 0)


def test_existing_asks_for_the_end_of_what_people_have(command, bought):
    run(*command, "--existing", "cancel", "--existing-at", "2030-01-01T00:00:00Z")
    ending = Ending.objects.get()
    assert (ending.subscription_id, ending.how, ending.due_at.year) == (bought.pk, "cancel", 2030)


def test_left_alone_unless_it_says_so(command, bought):
    run(*command)
    assert not Ending.objects.exists()


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_a_moment_without_cancel_is_wrong_usage(command, bought, dry_run):
    with pytest.raises(CommandError) as failed:
        run(*command, "--existing-at", "2030-01-01T00:00:00Z", *dry_run)
    assert failed.value.returncode == 2
    assert not Policy.objects.exists()
