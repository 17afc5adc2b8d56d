"""What belongs to the victim's organisation, row by row, to compare before and after."""

from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection

from commerce.models import CardSetup, Payment, PaymentMethod, SandboxCard, SandboxCharge, SandboxSetup
from tenants.directory.models import Tenant


@cache
def owned_tables() -> list[tuple[str, str]]:
    """Keys of calls and tokens are written for whoever calls; they are not the tenant's."""
    owned = [model for model in apps.get_models() if any(f.name == "tenant" for f in model._meta.local_fields)]
    owned = [model for model in owned if model._meta.model_name not in ("idempotencykey", "tokentenant")]
    return [(model._meta.label, connection.ops.quote_name(model._meta.db_table)) for model in owned]


def rows_of(tenant: Tenant) -> dict[str, list[Any]]:
    """Every row of every table that belongs to a tenant, to compare before and after."""
    found: dict[str, list[Any]] = {label: [] for label, _table in owned_tables()}
    # All tables in one question, as the database writes their rows: asked table by table it takes most of a walk.
    each = "SELECT '{}', row::text FROM {} row WHERE tenant_id = %(tenant)s"
    with connection.cursor() as cursor:
        asked = " UNION ALL ".join(each.format(label, table) for label, table in owned_tables())
        cursor.execute(asked, {"tenant": tenant.pk})
        for label, row in cursor.fetchall():
            found[label].append(row)
    for rows in found.values():
        rows.sort()
    charges = SandboxCharge.objects.using("sandbox").filter(
        key__in=list(Payment.objects.filter(tenant=tenant).values_list("pk", flat=True))
    )
    found["the provider's ledger"] = sorted(charges.values_list(), key=str)
    setups = SandboxSetup.objects.using("sandbox").filter(
        key__in=list(CardSetup.objects.filter(tenant=tenant).values_list("pk", flat=True))
    )
    found["the provider's setups"] = sorted(setups.values_list(), key=str)
    kept = SandboxCard.objects.using("sandbox").filter(
        reference__in=list(PaymentMethod.objects.filter(tenant=tenant).values_list("reference", flat=True))
    )
    found["the provider's cards"] = sorted(kept.values_list(), key=str)
    found["tenants.Tenant"] = list(Tenant.objects.filter(pk=tenant.pk).values_list())
    return found
