"""What the hourly sweep removes: what is over and worth nothing to anybody any more."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from oauth2_provider.models import AccessToken

from config.celery import app
from tenants import tasks
from tenants.signin import tokens
from tenants.signin.models import TokenTenant
from tests.callers import Api, signed_in
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_is_scheduled():
    assert {"tenants.prune", "commerce.prune"} <= set(app.conf.beat_schedule)
    assert {"tenants.prune", "commerce.prune"} <= set(app.tasks)


def test_expired_sessions_go_and_those_that_run_stay():
    gone, kept = (signed_in(MembershipFactory()) for _ in range(2))
    Session.objects.filter(pk=gone.session.session_key).update(expire_date=timezone.now() - HOUR)
    tasks.prune()
    assert Session.objects.get().pk == kept.session.session_key
    assert kept.get("/my/subscriptions/").status_code == 200


def test_expired_tokens_go_with_the_tenant_they_act_in_and_good_ones_stay():
    gone, kept = (Api(MembershipFactory()) for _ in range(2))
    assert [gone.get("tenant/").status_code, kept.get("tenant/").status_code] == [200, 200]
    oldest = AccessToken.objects.earliest("pk")
    AccessToken.objects.filter(pk=oldest.pk).update(expires=timezone.now() - HOUR)
    tasks.prune()
    assert not AccessToken.objects.filter(pk=oldest.pk).exists()
    assert AccessToken.objects.count() == TokenTenant.objects.count() == 1
    assert [gone.get("tenant/").status_code, kept.get("tenant/").status_code] == [401, 200]


def test_tokens_go_in_batches():
    now = timezone.now()
    AccessToken.objects.bulk_create(
        AccessToken(expires=now - HOUR, token=f"old {n}", token_checksum=f"{n}") for n in range(5)
    )
    assert tokens.forget_expired(at=now, at_once=2) == 5
    assert tokens.forget_expired(at=now, at_once=2) == 0
    assert not AccessToken.objects.exists()
