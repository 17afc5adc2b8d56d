"""What a change of policy means for what people have bought: asked for with the change, done by commerce."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from policies.models import Ending, ExistingRule, Reach
from policies.operations.scopes import STANDING, Scope, Time
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.journal.events import Fact
from tenants.refusal import BadInput

FURTHEST = timedelta(days=3_660)
# Statements stay of a size, whatever an organisation has bought.
WRITTEN_AT_ONCE = 1_000
# Endings that one letter-writing job is for.
TOLD_AT_ONCE = 50
# The keys of what names nobody and nothing: the default, and the stop of all self-service.
DEFAULT, STOP = "default", "stop"


@dataclass(frozen=True, kw_only=True)
class Existing:
    """Leave what was bought, stop it at its renewal, or cancel it at a moment; without one, when the change holds."""

    rule: str = ExistingRule.LEAVE
    at: datetime | None = None

    @property
    def ends(self) -> bool:
        return self.rule != ExistingRule.LEAVE

    @property
    def told(self) -> dict[str, object]:
        """As the journal keeps it with the change."""
        if not self.ends:
            return {}
        return {"existing": str(self.rule), **({"existing_at": self.at} if self.at else {})}


LEAVE = Existing()


def require_sensible(existing: Existing, *, allows_all: bool, at: datetime) -> None:
    """
    :raises BadInput: an unknown rule, a moment that cannot be, or what people have is to end although all may buy it
    """
    if existing.rule not in ExistingRule.values:
        known = ", ".join(ExistingRule.values)
        raise BadInput(_("Use one of these: %(known)s.") % {"known": known}, field="existing", code="invalid_choice")
    if existing.at is not None and existing.rule != ExistingRule.CANCEL:
        raise BadInput(_("A moment belongs to “cancel” alone."), field="at", code="not_of_this_choice")
    if existing.at is not None and existing.at < at - timedelta(minutes=5):
        raise BadInput(_("It must be in the future."), field="at", code="in_the_past")
    if existing.at is not None and existing.at > at + FURTHEST:
        raise BadInput(_("Choose a time that is nearer."), field="at", code="too_far")
    if existing.ends and allows_all:
        raise BadInput(
            _("What people have is not ended by a value that lets everybody buy."),
            field="existing",
            code="nothing_ends",
        )


def key_of(scope: Scope, time: Time = STANDING) -> str:
    """What is said, as an ending keeps it: for whom and what, and for which time."""
    named = {**scope.ids, **{name: moment.isoformat() for name, moment in time.told.items()}}
    return "|".join(f"{name}={value}" for name, value in named.items()) or DEFAULT


def ask(
    *,
    tenant: Tenant,
    subscriptions: Mapping[UUID, str],
    existing: Existing,
    since: datetime,
    reason: str,
    by: Actor,
    at: datetime,
) -> int:
    """
    Have subscriptions ended, each with the key of what is said that ends it, in the transaction of the change; `since`:
    when the change holds. What waits for one of them already is replaced, in a fixed number of statements for every
    thousand. Whom a later moment gives time is told at once. Returns how many.
    """
    due_at = existing.at or max(since, at)
    Ending.objects.filter(
        tenant=tenant, subscription__in=list(subscriptions), how=existing.rule, done_at=None
    ).delete()  # rows of what never happened; the journal has what was asked for
    asked = Ending.objects.bulk_create(
        [
            Ending(
                tenant=tenant,
                subscription_id=pk,
                how=existing.rule,
                reason=reason,
                said_for=key,
                asked_by=by.user,
                due_at=due_at,
                created_at=at,
            )
            for pk, key in subscriptions.items()
        ],
        batch_size=WRITTEN_AT_ONCE,
    )
    if due_at > at:
        _tell("commerce.tell_planned_endings", asked)
    elif asked:
        jobs.enqueue("commerce.apply_policy_change", tenant_id=str(tenant.pk))
    return len(asked)


def replace(
    *,
    tenant: Tenant,
    said_for: Collection[str],
    subscriptions: Mapping[UUID, str],
    existing: Existing,
    since: datetime,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    """What was to end because of what was said there before is let go, and what ends by what is said now asked for."""

    def is_asked_anew(ending: Ending) -> bool:
        return ending.how == existing.rule and ending.subscription_id in subscriptions

    withdraw(tenant=tenant, said_for=said_for, but=is_asked_anew, reason=reason, by=by, at=at)
    if existing.ends:
        ask(tenant=tenant, subscriptions=subscriptions, existing=existing, since=since, reason=reason, by=by, at=at)


def withdraw(
    *,
    tenant: Tenant,
    said_for: Collection[str],
    but: Callable[[Ending], bool] = lambda ending: False,
    reason: str,
    by: Actor,
    at: datetime,
) -> int:
    """
    Let go what waits because of what was said there before, in the transaction of what is said there now; `but`: what
    is asked for anew. The owners are told of what they knew of. Returns how many.
    """
    # What is being carried out in this moment is done, not waited for.
    waiting = Ending.objects.waiting().filter(tenant=tenant, said_for__in=said_for).order_by("pk")
    found = [row for row in waiting.select_for_update(of=("self",), no_key=True, skip_locked=True) if not but(row)]
    if not found:
        return 0
    Ending.objects.filter(pk__in=[row.pk for row in found]).update(done_at=at)
    facts = [
        Fact(
            tenant=tenant,
            subject=row.subscription_id,
            data={"existing": row.how, "existing_at": row.due_at, "asked_by": row.asked_by_id, "reason": reason},
        )
        for row in found
    ]
    events.record_each("policy.ending_withdrawn", facts, by=by, at=at)
    _tell("commerce.tell_withdrawn_endings", [row for row in found if row.due_at > row.created_at])
    return len(found)


def left_alone_told(count: int) -> str:
    """In a sentence; empty where there is nothing to tell."""
    if not count:
        return ""
    said = ngettext(
        "%(count)s running subscription is left alone: another value, such as one for its owner or their department, "
        "decides about it.",
        "%(count)s running subscriptions are left alone: other values, such as those for their owners or departments, "
        "decide about them.",
        count,
    )
    return said % {"count": count}


def reach_told(reaches: Iterable[Reach | None]) -> list[str]:
    """In sentences, what a change ends and what it leaves alone; none where nothing was to end."""
    known = [reach for reach in reaches if reach is not None]
    if not known:
        return []
    ended = sum(reach.ended for reach in known)
    said = ngettext("It ends %(count)s running subscription.", "It ends %(count)s running subscriptions.", ended)
    alone = left_alone_told(sum(reach.left_alone for reach in known))
    return [sentence for sentence in (said % {"count": ended}, alone) if sentence]


def _tell(job: str, endings: Sequence[Ending]) -> None:
    keys = [str(row.pk) for row in endings]
    starts = range(0, len(keys), TOLD_AT_ONCE)
    jobs.enqueue_each(job, [{"ending_ids": keys[start : start + TOLD_AT_ONCE]} for start in starts])
