"""The map of /api/v1/: each app names its own calls; the document and its page are made from them."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

urlpatterns = [
    path("", include("tenants.api.urls")),
    path("", include("licensing.api.urls")),
    path("", include("policies.api.urls")),
    path("", include("commerce.api.urls")),
    path(
        "schema/", SpectacularJSONAPIView.as_view(authentication_classes=[], permission_classes=[]), name="api-schema"
    ),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(
            url_name="api-schema",
            template_name="config/api_docs.html",
            authentication_classes=[],
            permission_classes=[],
        ),
        name="api-docs",
    ),
]
