"""The security policy of pages with Stripe's own card fields: there, and nowhere else, Stripe's script may run."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# https://docs.stripe.com/security/guide#content-security-policy
STRIPE = {
    "script-src": ["https://js.stripe.com", "https://*.js.stripe.com"],
    "frame-src": ["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"],
    "connect-src": ["https://api.stripe.com"],
    # A browser holds the policy of a form also against where its answer leads: to the bank's step, by Stripe.
    "form-action": ["https://*.stripe.com"],
}


class CardFieldsPolicy:
    """Middleware inside `CSPMiddleware`: a page that has the fields cannot forget to allow them, and no other does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "has_card_fields", False):
            response._csp_update = STRIPE  # type: ignore[attr-defined]  # how django-csp's decorators tell it
        return response
