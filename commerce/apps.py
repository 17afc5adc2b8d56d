from importlib import import_module

from django.apps import AppConfig


class CommerceConfig(AppConfig):
    name = "commerce"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Every process knows every deed by name, as it knows every job."""
        import_module("commerce.deeds")
