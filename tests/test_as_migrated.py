"""What a test commits is gone after it, and what migrations brought is there again."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import DunningStep, Seller
from licensing.models import LifecycleDays
from policies.models import Exclusion
from tenants.directory.models import Tenant
from tests import as_migrated
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)

MIGRATED = {Seller: 1, LifecycleDays: 5, Exclusion: 3, DunningStep: 6}


def counted():
    return {model: model.objects.count() for model in MIGRATED}


def test_what_a_test_has_filled_is_empty_again():
    MembershipFactory()
    as_migrated.put_back()
    assert (Tenant.objects.count(), counted()) == (0, MIGRATED)


def test_what_a_test_has_changed_is_as_it_was():
    before = list(Exclusion.objects.order_by("pk").values())
    Exclusion.objects.update(reason="Another")
    Seller.objects.update(name="Another")
    as_migrated.put_back()
    assert list(Exclusion.objects.order_by("pk").values()) == before
    assert Seller.objects.get().name == "Seatwise"


def test_what_a_test_has_emptied_is_filled_again():
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE tenants_tenant, tenants_user, django_content_type CASCADE")
    as_migrated.put_back()
    assert counted() == MIGRATED
    assert ContentType.objects.filter(app_label="tenants").exists()


def test_nothing_is_written_where_nothing_was_touched():
    with CaptureQueriesContext(connection) as asked:
        as_migrated.put_back()
    assert not [query for query in asked if "TRUNCATE" in query["sql"] or "FROM STDIN" in query["sql"]]
