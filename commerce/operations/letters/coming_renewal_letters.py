"""What people are told before a term ends: use, cost, what changes, and what they may do."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from commerce.models import NoticeKind, RenewalNotice
from commerce.operations.letters import post
from commerce.operations.renewing import decision
from licensing.models import Subscription, SubscriptionState
from policies.operations import settings
from tenants.directory.models import Membership


def deliver(*, notice_id: UUID, site: str, sender: str, at: datetime) -> None:
    """
    To the owner, and to those who answer for the organisation's spending where it is theirs, where they wish to know,
    or where it will be refused. Over, paid or decided otherwise since: to nobody.
    """
    notice = RenewalNotice.objects.get(pk=notice_id)
    subscription = Subscription.objects.with_people().get(pk=notice.subscription_id)
    if subscription.state != SubscriptionState.ACTIVE or subscription.term_end != notice.term_end:
        return
    found = decision.of(subscription, at=at)
    if found is None or (found.kind == NoticeKind.ENDS and notice.kind == NoticeKind.RENEWS):
        return
    reasons = [reason["detail"] for reason in notice.reasons if reason["detail"]] or found.reasons
    for person in readers(subscription, NoticeKind(notice.kind)):
        is_owner = person.pk == subscription.owner_id
        page = "my-subscription-renewal" if is_owner else "admin:commerce_purchase_change"
        post.send(
            "coming_renewal",
            to=person,
            subscription=subscription,
            context={
                "kind": notice.kind,
                "decision": found,
                "reasons": reasons,
                "is_owner": is_owner,
                "contact": subscription.tenant.contact_email,
                "url": site + reverse(page, args=[subscription.pk]),
            },
            message_id=f"coming-{notice.pk}-{person.pk}",
            site=site,
            sender=sender,
        )


def readers(subscription: Subscription, kind: NoticeKind) -> Iterable[Membership]:
    """Who gets such a letter of a subscription."""
    owners = post.told_of_money(subscription.owner) if subscription.owner else []
    wish = settings.of(subscription.tenant).tell_admins_of_renewals
    if subscription.owner is None or wish or kind == NoticeKind.REFUSED:
        known = {person.pk for person in owners}
        return [*owners, *(admin for admin in post.buyers_of(subscription.tenant) if admin.pk not in known)]
    return owners
