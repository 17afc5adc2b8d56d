from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from licensing.models import Product


class SelfServiceProductManager(models.Manager["SelfServiceProduct"]):
    def get_queryset(self) -> models.QuerySet["SelfServiceProduct"]:
        return super().get_queryset().filter(self_service=True).select_related("family")


class SelfServiceProduct(Product):
    """A product that people may buy themselves, as a tenant's policy is about it."""

    # What holds for it in one tenant: set by whoever asks for that (see policies.operations.policies.in_force).
    policy: Any = None

    objects = SelfServiceProductManager()  # type: ignore[assignment, misc]  # only these rows

    class Meta:
        proxy = True
        verbose_name = _("product policy")
        verbose_name_plural = _("product policies")
