"""Whom, what and when a value is said for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from licensing.models import Family, Product
from policies.models import Policy
from tenants.directory.models import Department, Membership, Tenant
from tenants.refusal import BadInput

# What names a scope, in the order of precedence.
SCOPED_BY = ("member", "department", "product", "family")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whom and what a value is said for: at most one of person and group, and of product and family."""

    member: Membership | None = None
    department: Department | None = None
    product: Product | None = None
    family: Family | None = None

    @property
    def level(self) -> str:
        """member, department, product, family or tenant."""
        named = (name for name, row in self.columns.items() if row is not None)
        return next(named, "tenant")

    @property
    def of_people(self) -> bool:
        return self.member is not None or self.department is not None

    @property
    def columns(self) -> dict[str, Any]:
        """In the order of precedence."""
        return {name: getattr(self, name) for name in SCOPED_BY}

    @property
    def ids(self) -> dict[str, object]:
        return {name: row.pk for name, row in self.columns.items() if row is not None}

    @classmethod
    def of(cls, row: Policy) -> Self:
        return cls(**{name: getattr(row, name) for name in SCOPED_BY})

    def covers(self, row: Policy) -> bool:
        """Whether a row of no person and no group says something for all that this scope names."""
        if row.member_id or row.department_id:
            return False
        if self.product is not None:
            return row.fits_product(self.product)
        return row.product_id is None and row.family_id in (None, self.family and self.family.pk)


@dataclass(frozen=True, kw_only=True)
class Time:
    """From when until when; both empty: standing. The end is the first moment at which it is over."""

    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def columns(self) -> dict[str, datetime | None]:
        return {"valid_from": self.valid_from, "valid_to": self.valid_to}

    @property
    def told(self) -> dict[str, datetime]:
        return {name: moment for name, moment in self.columns.items() if moment is not None}

    def overlaps(self, other: "Time") -> bool:
        begins_before_its_end = other.valid_to is None or self.valid_from is None or self.valid_from < other.valid_to
        return begins_before_its_end and (
            self.valid_to is None or other.valid_from is None or other.valid_from < self.valid_to
        )

    @classmethod
    def of(cls, row: Policy) -> Self:
        return cls(valid_from=row.valid_from, valid_to=row.valid_to)


STANDING = Time()


def named(tenant: Tenant, *, member: str = "", department: str = "", product: str = "", family: str = "") -> Scope:
    """
    The scope of a member's address, a department's name or id, and a product's or family's id; empty names nothing.

    :raises BadInput: there is no such thing, or none in this tenant
    """
    return Scope(
        member=_member(tenant, member) if member else None,
        department=_department(tenant, department) if department else None,
        product=_one(Product.objects.filter(pk=product), "product") if product else None,
        family=_one(Family.objects.filter(pk=family), "family") if family else None,
    )


def _member(tenant: Tenant, email: str) -> Any:
    return _one(Membership.objects.of(tenant).members().by_email([email.strip()]).select_related("user"), "member")


def _department(tenant: Tenant, name: str) -> Any:
    own = Department.objects.filter(tenant=tenant)
    by_name, key = own.filter(name=name), _uuid(name)
    return by_name.first() or _one(own.filter(pk=key) if key else own.none(), "department")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _one(rows: Any, field: str) -> Any:
    found = rows.first()
    if found is None:
        raise BadInput(_NONE[field], field=field, code="does_not_exist")
    return found


_NONE = {
    "member": _("There is no such member."),
    "department": _("There is no such department."),
    "product": _("There is no such product."),
    "family": _("There is no such family."),
}
