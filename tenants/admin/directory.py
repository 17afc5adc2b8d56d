"""The domains of an organisation, to read."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from tenants.access import Right
from tenants.dates import listed_day
from tenants.directory.models import Domain
from tenants.procurement import ProcurementAdmin, badge


@admin.register(Domain)
class DomainAdmin(ProcurementAdmin):
    """The domains that lead a work address to its organisation."""

    right = Right.MANAGE_SIGN_IN
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
