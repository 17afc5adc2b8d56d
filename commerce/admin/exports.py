"""Purchases as a file: what the list shows, whole."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from commerce.admin.purchase_facts import may_export
from commerce.admin.purchase_list import PurchaseListing, query_of, query_to_take
from commerce.operations.procurement import addresses, columns, exports
from tenants.procurement import READS
from tenants.refusal import BadInput
from tenants.spreadsheets import CSV, MEDIA_TYPES, XLSX, as_csv, as_xlsx


class Exports(PurchaseListing):
    """Links below the filters, to what they find as CSV or XLSX."""

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/", export, name="commerce_purchase_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Asked for with the filters and columns of the list in the address, and `format`: csv or xlsx."""
        actor, format = self.actor(request), request.GET.get("format", CSV)
        if not may_export(actor) or request.method not in READS:
            raise PermissionDenied
        if format not in MEDIA_TYPES:
            messages.error(request, _("Files come as CSV or XLSX."))
            return redirect(addresses.of_list(query_of(request), self.columns_of(request)))
        try:
            export = exports.begin(
                query=query_to_take(request), chosen=self._written(request), format=format, by=actor, at=actor.now()
            )
        except BadInput:
            return self.back(request)
        zone = actor.tenant.zone if actor.tenant else ZoneInfo("UTC")
        name = f"purchases-{actor.now().astimezone(zone):%Y-%m-%d}.{format}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if format == XLSX:
            return FileResponse(
                as_xlsx(export.heads, export.rows, zone=zone), content_type=MEDIA_TYPES[XLSX], headers=headers
            )
        return StreamingHttpResponse(
            as_csv(export.heads, export.rows, zone=zone), content_type=MEDIA_TYPES[CSV], headers=headers
        )

    def _written(self, request: HttpRequest) -> list[str]:
        """What the list shows, and in the list of all organisations always whose it is."""
        chosen = columns.written(self.columns_to_take(request))
        return ["tenant", *chosen] if chosen and self.actor(request).tenant is None else chosen
