"""A person's second factor: set up, asked at each sign-in, turned off, and reset by the operator when it is lost."""

from datetime import datetime

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor
from tenants.directory.models import MemberKind, Membership, Tenant, User
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused
from tenants.signin import codes
from tenants.signin.models import RecoveryCode, SecondFactor
from tenants.text import checked_reason

# In the session: since when the person had the factor that they have shown.
SHOWN = "second_factor_shown"


class WrongCode(Refused):
    message = _("That code is not right, or it was used already. Wait for the next one and type it.")


class SecondFactorExists(Refused):
    message = _("You have a second factor already. Turn it off before you set up another one.")


class NoSecondFactor(Refused):
    message = _("This person has no second factor.")


@transaction.atomic
def enrol(*, key: bytes, code: str, by: Actor, at: datetime) -> list[str]:
    """
    Ask the person for a code of this key at each sign-in from now on. Returns their recovery codes: nobody can read
    them again.

    :raises SecondFactorExists: they have one
    :raises WrongCode: the app shows another code
    """
    user = _locked(by.user)
    if user.second_factor_since is not None:
        raise SecondFactorExists
    step = codes.step_of(code, key, at=at)
    if step is None:
        raise WrongCode
    SecondFactor.objects.create(user=user, key=codes.sealed(key), last_step=step, created_at=at)
    _keep_since(user, at, by)
    _record("second_factor.enrolled", user, by, at)
    return _new_recovery_codes(user)


@transaction.atomic
def prove(*, code: str, user: User, by: Actor, at: datetime) -> None:
    """
    Take a code of the app, or a recovery code, as proof. Each is good once.

    :raises WrongCode: neither is this one
    """
    factor = SecondFactor.objects.select_for_update(no_key=True).filter(user=user).first()
    if factor is None:
        raise WrongCode
    key = codes.opened(factor.key)
    step = codes.step_of(code, key, at=at, after=factor.last_step) if key is not None else None
    if step is not None:
        factor.last_step = step
        factor.save(update_fields=["last_step"])
        return
    left = RecoveryCode.objects.left(user)
    if not left.filter(digest__in=codes.digests(code)).update(used_at=at):
        raise WrongCode
    _record("recovery_code.used", user, by, at, left=left.count())


@transaction.atomic
def renew_recovery_codes(*, code: str, by: Actor, at: datetime) -> list[str]:
    """
    New recovery codes in place of all that there were.

    :raises WrongCode: neither a code of the app nor one of the recovery codes
    """
    user = _locked(by.user)
    prove(code=code, user=user, by=by, at=at)
    _record("recovery_codes.renewed", user, by, at)
    return _new_recovery_codes(user)


@transaction.atomic
def turn_off(*, code: str, by: Actor, at: datetime) -> None:
    """
    Ask the person for no code any more. Where an organisation asks for one they lose the rights of their roles.

    :raises WrongCode: neither a code of the app nor one of the recovery codes
    """
    user = _locked(by.user)
    prove(code=code, user=user, by=by, at=at)
    _remove(user, by)
    _record("second_factor.removed", user, by, at)


@transaction.atomic
def reset(*, user: User, reason: str, by: Actor, at: datetime) -> None:
    """
    Take away a factor that is lost, together with its recovery codes.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: no reason
    :raises NoSecondFactor: there is nothing to take away
    """
    by.require_operator()
    reason = checked_reason(reason)
    user = _locked(user)
    if user.second_factor_since is None:
        raise NoSecondFactor
    _remove(user, by)
    _record("second_factor.reset", user, by, at, reason=reason)


def is_shown(session: SessionBase, user: User) -> bool:
    """Whether the session has shown the factor that the person has now: one from before it was set up has not."""
    since = user.second_factor_since
    return since is None or session.get(SHOWN) == since.isoformat()


def show(session: SessionBase, user: User) -> None:
    if user.second_factor_since is not None:
        session[SHOWN] = user.second_factor_since.isoformat()


def _locked(user: User | None) -> User:
    if user is None:
        raise NotAllowed(_("Only a person has a second factor."))
    # One change of a person's factor after another.
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _keep_since(user: User, since: datetime | None, by: Actor) -> None:
    user.second_factor_since = since
    user.save(update_fields=["second_factor_since"])
    if by.user is not None and by.user.pk == user.pk:
        by.user.second_factor_since = since  # who acts goes on with what holds now


def _remove(user: User, by: Actor) -> None:
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    _keep_since(user, None, by)


def _new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    made = codes.new_recovery_codes()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=codes.digest(code)) for code in made)
    return made


def _record(type: str, user: User, by: Actor, at: datetime, **data: object) -> None:
    """In the journal of the organisation where they are at home; of an operator, and of a mere guest, in nobody's."""
    home = Membership.objects.filter(user=user, kind=MemberKind.MEMBER).select_related("tenant").first()
    tenant: Tenant | None = home.tenant if home else None
    events.record(type, tenant=tenant, by=by, at=at, subject=home.pk if home else user.pk, **data)
