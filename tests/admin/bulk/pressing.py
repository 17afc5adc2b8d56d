"""Many purchases: chosen on the list, then the button of the page that shows what would come of it."""

from django.urls import reverse

from licensing.models import Subscription

BULK = "admin:commerce_purchase_bulk"
ASK = "commerce.ask_to_cancel"
STOP, ALLOW = "commerce.stop_renewal", "commerce.allow_renewal"
OFF, ON = "commerce.turn_renewal_off", "commerce.turn_renewal_on"


def choose(browser, rows=(), deed=STOP, which="ticked", query="", **more):
    body = {"deed": deed, "which": which, "row": [str(row.pk) for row in rows], **more}
    return browser.post(f"{reverse(BULK)}{query}", body)


def confirm(browser, page, reason="Too dear", **more):
    """The button of a page that was shown."""
    context = page.context
    said = {"deed": context["action"].deed, "subjects": context["subjects"], "shown": context["shown"]}
    return browser.post(reverse(BULK), {**said, "reason": reason, "confirm": "yes", **more})


def stopped():
    return set(Subscription.objects.filter(renewal_stopped_at__isnull=False).values_list("pk", flat=True))
