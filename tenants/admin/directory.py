"""The people of an organisation and its domains, to read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants.access import Right
from tenants.dates import listed_day
from tenants.directory.models import Domain, MemberKind, Membership, MemberState
from tenants.procurement import Filter, ProcurementAdmin, badge

_STATE_KIND = {MemberState.ACTIVE: "green", MemberState.DISABLED: "amber", MemberState.LEFT: ""}


class KindFilter(Filter):
    title, parameter_name, field = _("kind"), "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(MemberKind.choices)


class StateFilter(Filter):
    title, parameter_name, field = _("state"), "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(MemberState.choices)


@admin.register(Membership)
class MembershipAdmin(ProcurementAdmin):
    """The people of an organisation. Of a guest it sees the address and the name it typed, nothing else."""

    right = Right.MANAGE_PEOPLE
    list_title = _("People")
    list_display = ["person", "email", "roles", "department", "kind", "source", "shown_state"]
    list_select_related = ["user", "department"]
    list_filter = [KindFilter, StateFilter]
    search_fields = ["name", "user__email"]
    search_help_text = _("Name or e-mail")
    ordering = ["name"]
    empty_text = _("People who are added to the organisation appear here.")
    detail_fields = ["person", "email", "roles", "department", "kind", "source", "shown_state", "since"]

    def rows(self) -> QuerySet[Membership]:
        return Membership.objects.select_related("user", "department").prefetch_related("role_grants")

    @admin.display(description=_("name"), ordering="name")
    def person(self, member: Membership) -> str:
        return str(member)

    @admin.display(description=_("e-mail"), ordering="user__email")
    def email(self, member: Membership) -> str:
        return member.user.email

    @admin.display(description=_("roles"))
    def roles(self, member: Membership) -> str:
        return ", ".join(sorted(str(grant) for grant in member.role_grants.all()))

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, member: Membership) -> str:
        return badge(member.get_state_display(), _STATE_KIND[MemberState(member.state)])

    @admin.display(description=_("since"))
    def since(self, member: Membership) -> str:
        return listed_day(member.created_at)


@admin.register(Domain)
class DomainAdmin(ProcurementAdmin):
    """The domains that lead a work address to its organisation."""

    right = Right.MANAGE_PEOPLE
    list_title = _("Domains")
    list_display = ["name", "shown_state", "verified"]
    search_fields = ["name"]
    search_help_text = _("Domain")
    ordering = ["name"]
    empty_text = _("E-mail domains of the organisation appear here once they are verified.")
    detail_fields = ["name", "shown_state", "verified"]

    @admin.display(description=_("state"))
    def shown_state(self, domain: Domain) -> str:
        return badge(_("Verified"), "green") if domain.verified_at else badge(_("Not verified"), "amber")

    @admin.display(description=_("verified"), ordering="verified_at")
    def verified(self, domain: Domain) -> str:
        return listed_day(domain.verified_at)
