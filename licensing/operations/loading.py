"""Rows that a file describes: added where they are missing, changed where they differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models

from licensing.files import Change, Effect

Key = tuple[Any, ...]


def upsert(
    model: type[models.Model],
    kind: str,
    wanted: Mapping[Key, Mapping[str, Any]],
    *,
    key: Sequence[str],
    of_new: Mapping[str, Any] | None = None,
) -> list[Change]:
    """
    Write the values that are wanted by the values of the fields in `key`; `of_new` goes only into added rows.

    Three statements however long the file is. The caller holds the lock of what is loaded.
    """
    existing = {tuple(getattr(row, name) for name in key): row for row in model._default_manager.all()}
    added, changed, changes = [], [], []
    for names, values in wanted.items():
        row = existing.get(names)
        effect = Effect.UNCHANGED
        if row is None:
            added.append(model(**dict(zip(key, names, strict=True)), **values, **(of_new or {})))
            effect = Effect.ADDED
        elif any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
            effect = Effect.CHANGED
        changes.append(Change(kind, " ".join(str(name) for name in names if name is not None), effect))
    model._default_manager.bulk_create(added)
    if changed:
        model._default_manager.bulk_update(changed, list(next(iter(wanted.values()))))
    return changes
