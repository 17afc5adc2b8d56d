"""What is due goes out, signed, outside any transaction; a process that dies on the way leaves it due."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.db import connections
from standardwebhooks.webhooks import Webhook

from tenants.delivery.trouble import Noted, RaisedAtTheEnd
from tenants.delivery.webhooks import endpoints, following, outcomes, turns
from tenants.delivery.webhooks.models import DeliveryState, WebhookDelivery
from tenants.delivery.webhooks.outcomes import Tried
from tenants.delivery.webhooks.turns import Turn
from tenants.directory.models import Tenant
from tenants.journal.models import Event
from tenants.outbound import Answer, NoAnswer

# Somebody else's answer takes most of the time. Half of them send to nobody who fails.
HANDS = 8
# After this an endpoint goes to the end of the line.
TURN = timedelta(seconds=5)
# Instead of an answer, where nobody was asked for a reason of ours.
UNSIGNED, FAULT = "not_signed", "fault"

# How many became what.
Tally = Counter[str]


class Post(Protocol):
    def __call__(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """:raises NoAnswer:"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """What an edge knows: how an event is written and sent, the world's time, and a tenant's own."""

    content: Callable[[Event], bytes]
    post: Post
    now: Callable[[], datetime]
    there: Callable[[Tenant], datetime]


def deliver(*, way: Way, goes_on: Callable[[], bool] = lambda: True, hands: int = HANDS) -> Tally:
    """
    Make due what has happened, and send what is due, each to its endpoint by one process at a time, whoever else does
    the same. `goes_on` is asked before each; what has begun then still ends. A defect is raised when the others have
    had their turn.
    """
    following.follow_all(now=way.now, goes_on=goes_on)
    began = way.now()
    # No more hands than there is work for: each takes a connection.
    hands = min(hands, len(turns.waiting(at=began, most=hands)))
    if hands <= 1:
        return _work(way, began, goes_on, sound_only=False)
    with ThreadPoolExecutor(hands, thread_name_prefix="webhook") as pool:
        working = [
            pool.submit(copy_context().run, _work_apart, way, began, goes_on, hand < hands // 2)
            for hand in range(hands)
        ]
    return sum((work.result() for work in working), Tally())


def _work_apart(way: Way, began: datetime, goes_on: Callable[[], bool], sound_only: bool) -> Tally:
    try:
        return _work(way, began, goes_on, sound_only=sound_only)
    finally:
        connections.close_all()  # those of this thread


def _work(way: Way, began: datetime, goes_on: Callable[[], bool], *, sound_only: bool) -> Tally:
    tally, later = Tally(), RaisedAtTheEnd()
    while goes_on():
        turn = turns.take(at=way.now(), began=began, sound_only=sound_only)
        if turn is None:
            break
        with later:
            tally += _turn(turn, way, goes_on)
    later.raise_first()
    return tally


def _turn(turn: Turn, way: Way, goes_on: Callable[[], bool]) -> Tally:
    """In the order in which things happened, until one is not taken."""
    tally, ends = Tally(), way.now() + TURN
    try:
        while goes_on() and (delivery := turns.next_of(turn, at=way.now())) is not None:
            state = attempt(delivery, way)
            tally[state] += 1
            if state != DeliveryState.DELIVERED or way.now() >= ends:
                break
    finally:
        turns.let_go(turn)
    return tally


def attempt(delivery: WebhookDelivery, way: Way) -> str:
    """Send it now, and return what it is then. Whatever breaks it counts, or it would come back for ever."""
    with Noted(lambda _said: _note(delivery, way, error=FAULT)):
        event = Event.objects.positioned().select_related("actor", "on_behalf_of").get(pk=delivery.event_id)
        body, at = way.content(event), way.now()
        signers = endpoints.secrets_of(delivery.endpoint, at=at)
        if not signers:
            return _note(delivery, way, error=UNSIGNED)
        return _sent(delivery, way, body, signed(event, body, signers, at=at))


def _note(delivery: WebhookDelivery, way: Way, **tried: Any) -> str:
    return outcomes.note(delivery, Tried(at=way.now(), **tried), at=way.there(delivery.tenant))


def _sent(delivery: WebhookDelivery, way: Way, body: bytes, headers: Mapping[str, str]) -> str:
    try:
        answer = way.post(delivery.endpoint.url, body=body, headers=headers)
    except NoAnswer as silence:
        return _note(delivery, way, error=silence.why.value)
    return _note(delivery, way, status=answer.status, text=answer.text)


def signed(event: Event, body: bytes, secrets: list[bytes], *, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks: a try of the same event has the same id, and each secret its signature."""
    moment, text = at.astimezone(UTC), body.decode()
    signatures = [Webhook(secret.decode()).sign(str(event.pk), moment, text) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Seatwise",
        "webhook-id": str(event.pk),
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
