"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from config import health
from tenants.api import problem

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include("config.api")),
    path("admin/", admin.site.urls),
    path("", include("tenants.signin.urls")),
    path("", include("commerce.urls")),
]

# Below /api/ these answer as problems, elsewhere with a page.
handler400 = problem.bad_request
handler403 = problem.permission_denied
handler404 = problem.page_not_found
handler500 = problem.server_error
