"""Stripe's own card fields on a page: their key, and word for the page's security policy that they are there."""

from django import template
from django.conf import settings
from django.template import Context

register = template.Library()


@register.simple_tag(takes_context=True)
def stripe_card_fields(context: Context) -> str:
    """The key that opens the fields in the browser. `commerce.views.card_fields` lets them load on this page only."""
    context["request"].has_card_fields = True
    return str(settings.STRIPE_PUBLISHABLE_KEY)
