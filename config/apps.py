from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "config"
    label = "site_config"

    def ready(self) -> None:
        """Every process knows every job by name: enqueueing an unknown one is a defect that must show at once."""
        from config import celery, health  # noqa: F401 (registers the heartbeat)

        celery.app.autodiscover_tasks(force=True)
