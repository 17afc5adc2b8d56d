"""What somebody chooses to be told of, where they act."""

from collections.abc import Mapping
from datetime import datetime

from babel.numbers import get_currency_precision
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import NoticePace, NoticeTopic, NoticeWish
from commerce.operations.notices import readers
from commerce.operations.notices.readers import Wish
from commerce.operations.pricing import costs
from tenants.access import Actor
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed

MOST = 10**12


@transaction.atomic
def choose(*, wishes: Mapping[NoticeTopic, Wish], by: Actor, at: datetime) -> None:
    """
    Be told of these topics like this from now on, and of others as before. An amount is in the currency that the
    organisation buys in.

    :raises NotAllowed: somebody who is told of nothing here
    :raises BadInput: a topic that they may not read, or an amount that is missing or none
    """
    tenant = _tenant_of(by)
    reader = readers.reader(by)
    rows = [_row(tenant, by, topic, wish) for topic, wish in wishes.items()]
    for row in rows:
        if not reader.may_choose(NoticeTopic(row.topic)):
            raise BadInput(_("Your roles do not let you read this."), field=row.topic, code="not_readable")
    NoticeWish.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant", "user", "topic"],
        update_fields=["mail", "in_app", "amount", "currency"],
    )
    told = {row.topic: {"mail": row.mail, "in_app": row.in_app} for row in rows}
    events.record("notices.chosen", tenant=tenant, by=by, at=at, subject=reader.user_id, wishes=told)


def _row(tenant: Tenant, by: Actor, topic: NoticeTopic, wish: Wish) -> NoticeWish:
    row = NoticeWish(tenant=tenant, user=by.user, topic=topic, mail=NoticePace(wish.mail), in_app=wish.in_app)
    if topic != NoticeTopic.OVER_AMOUNT or wish.amount is None:
        if topic == NoticeTopic.OVER_AMOUNT and wish.is_any:
            raise BadInput(_("Type the amount above which you want to be told."), field="amount", code="required")
        return row
    row.amount, row.currency = wish.amount, costs.currency_of(tenant)
    exponent = row.amount.as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else MOST
    if not 0 < row.amount < MOST or digits > get_currency_precision(row.currency):
        raise BadInput(_("This is no amount of this currency."), field="amount", code="invalid")
    return row


def _tenant_of(by: Actor) -> Tenant:
    if by.tenant is None or by.user is None or not readers.may_read_any(by):
        raise NotAllowed(_("Notices are for those who administer an organisation."))
    return by.tenant
