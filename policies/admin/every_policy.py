"""Every policy that any organisation has set, for the operator."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from policies.admin.shown import value_badge
from policies.models import Policy
from tenants.dates import listed_minute
from tenants.procurement import BY_COMMAND, ProcurementAdmin


@admin.register(Policy)
class PolicyAdmin(ProcurementAdmin):
    """Every policy that any organisation has set, for the operator."""

    list_title = gettext_lazy("Policies set")
    list_display = ["applies_to", "shown_value", "author", "set", "reason"]
    ordering = ["-set_at"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("No organisation has set a policy: the system's default holds, enabled.")
    detail_fields = ["applies_to", "shown_value", "author", "set", "reason"]

    def rows(self) -> QuerySet[Policy]:
        return Policy.objects.select_related("set_by", "product", "family", "department", "member__user")

    @admin.display(description=gettext_lazy("applies to"))
    def applies_to(self, policy: Policy) -> str:
        what = str(policy.product or policy.family or _("all products"))
        who = policy.member or policy.department
        return f"{what} · {who}" if who else what

    @admin.display(description=gettext_lazy("value"))
    def shown_value(self, policy: Policy) -> str:
        return value_badge(policy.value)

    @admin.display(description=gettext_lazy("set by"))
    def author(self, policy: Policy) -> str:
        return str(policy.set_by or BY_COMMAND)

    @admin.display(description=gettext_lazy("set"))
    def set(self, policy: Policy) -> str:
        return listed_minute(policy.set_at)
