"""What several lists are narrowed by."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Channel
from tenants.procurement_filters import Filter


class ChannelFilter(Filter):
    title, parameter_name, field = gettext_lazy("channel"), "channel", "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(Channel.SELF_SERVICE, _("Self-service only")), (Channel.CENTRAL, _("Central only"))]
