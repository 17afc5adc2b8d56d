"""Where the payment provider sends its events. No session, no cookie, no person: only its signature counts."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from commerce import gateways
from commerce.gateways.protocol import EventRefused
from commerce.operations.paying import incoming
from tenants.api import problem

# Stripe's largest are some kilobytes.
LONGEST_BODY = 256 * 1024


class BodyTooLong(Exception):
    """Refused before it is read to its end."""


@csrf_exempt
def payment_events(request: HttpRequest, gateway: str) -> HttpResponse:
    """Who sent an event and when is proved before anything is stored; the answer tells a forger nothing."""
    if not gateways.listens(gateway):
        raise Http404
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    at = timezone.now()
    try:
        event = gateways.current().read_event(_body(request), request.headers, at)
        incoming.receive(gateway=gateway, event=event, at=at)
    except BodyTooLong:
        return problem.json_problem(413, "request_too_large", _("The body is too large."))
    except (EventRefused, UnreadablePostError):
        return problem.json_problem(400, "event_refused", _("This event is not accepted."))
    return JsonResponse({"received": True}, status=202)


def _body(request: HttpRequest) -> bytes:
    """:raises BodyTooLong: by its own word, or when more of it comes than may"""
    told = request.META.get("CONTENT_LENGTH") or "0"
    if told.isdecimal() and int(told) > LONGEST_BODY:
        raise BodyTooLong
    body = request.read(LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        raise BodyTooLong
    return body
