"""References between rows of one tenant, held by the database: (tenant_id, x_id) → (tenant_id, id)."""

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class TenantForeignKey(models.ForeignKey):
    """
    A key to a row of the same tenant.

    Django makes no constraint for it: `AddTenantKeys` in the migration adds the composite one, so that the
    database refuses a reference across tenants whatever the code does.
    """

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(to, on_delete, **kwargs)


def unique_within_tenant(model: str) -> models.UniqueConstraint:
    """The target that composite keys to `model` need; `id` alone is unique already."""
    return models.UniqueConstraint(fields=["tenant", "id"], name=f"{model}_tenant_and_id")


class AddTenantKeys(Operation):
    """Add the composite key of a model's TenantForeignKeys, or of those `fields`. Deferred: rows come in any order."""

    reversible = True

    def __init__(self, model_name: str, fields: Collection[str] = ()) -> None:
        self.model_name = model_name
        self.fields = fields

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def _each(self, app_label: str, state: ProjectState) -> list[tuple[str, str, str, str]]:
        model = state.apps.get_model(app_label, self.model_name)
        keys = [
            f
            for f in model._meta.local_fields
            if isinstance(f, TenantForeignKey) and (f.name in self.fields or not self.fields)
        ]
        return [
            (
                model._meta.db_table,
                f"{model._meta.db_table}_{f.column}_same_tenant"[:63],
                f.column,
                f.related_model._meta.db_table,
            )
            for f in keys
        ]

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for table, name, column, target in self._each(app_label, to_state):
            schema_editor.execute(
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY (tenant_id, "{column}") '
                f'REFERENCES "{target}" (tenant_id, id) DEFERRABLE INITIALLY DEFERRED'
            )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for table, name, _column, _target in self._each(app_label, from_state):
            schema_editor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')

    def describe(self) -> str:
        return f"Hold the references of {self.model_name} within one tenant"


def tenant_keys() -> list[tuple[str, str, str]]:
    """Table, column and target table of every TenantForeignKey of the system."""
    return [
        (model._meta.db_table, field.column, field.related_model._meta.db_table)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
    ]
