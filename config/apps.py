from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class SiteConfig(AppConfig):
    name = "config"
    label = "site_config"

    def ready(self) -> None:
        """Every process knows every job by name: enqueueing an unknown one is a defect that must show at once."""
        from config import celery

        celery.app.autodiscover_tasks(force=True)


class ProcurementAdminConfig(SimpleAdminConfig):
    """The admin with our site and our pages only: what other packages would register is not for procurement."""

    default_site = "config.admin.ProcurementSite"

    def ready(self) -> None:
        super().ready()
        for app in ("tenants", "licensing", "policies", "commerce"):
            import_module(f"{app}.admin")
