from django.db import models

from tenants.directory.models import Tenant


class TokenTenant(models.Model):
    """The one tenant in which a bearer token acts; an operator's token acts in none."""

    token = models.OneToOneField(
        "oauth2_provider.AccessToken", on_delete=models.CASCADE, primary_key=True, related_name="acting"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="+")
