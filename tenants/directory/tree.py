"""What stands above and below a department."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID


def and_above(department: UUID | None, parents: Mapping[UUID, UUID | None]) -> list[UUID]:
    """A department and all above it, the nearest first; `parents` are those of all that there are."""
    found: list[UUID] = []
    while department is not None and department not in found:
        found.append(department)
        department = parents.get(department)
    return found


def and_below(departments: Iterable[UUID], parents: Mapping[UUID, UUID | None]) -> set[UUID]:
    """These departments and all below them; `parents` are those of all that there are."""
    children: dict[UUID | None, list[UUID]] = defaultdict(list)
    for department, parent in parents.items():
        children[parent].append(department)
    found: set[UUID] = set()
    waiting = list(departments)
    while waiting:
        department = waiting.pop()
        if department not in found:
            found.add(department)
            waiting.extend(children[department])
    return found
