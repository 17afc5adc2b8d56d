"""Trials in the procurement view: seen as every subscription, extended once, and ended."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from commerce.operations.buying import extensions
from commerce.operations.changes import cancellations
from licensing.models import Subscription
from licensing.operations import trials
from tenants.access import Actor, Right
from tenants.dates import day
from tenants.procurement import ProcurementAdmin
from tenants.refusal import Refused


class Trials(ProcurementAdmin):
    """The buttons of a trial's page. Each asks the operation, which knows who may."""

    def get_urls(self) -> list[URLPattern]:
        views = {"extend-trial": self.extend_trial_view, "end-trial": self.end_trial_view}
        mine = [
            path(
                f"<uuid:subscription_id>/{page}/",
                self.admin_site.admin_view(view),
                name=f"commerce_purchase_{page.replace('-', '_')}",
            )
            for page, view in views.items()
        ]
        return [*mine, *super().get_urls()]

    def extend_trial_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        actor = self.acting_on_trials(request, Right.CHANGE_POLICY)
        trial = self.trial(actor, subscription_id)
        try:
            trial = extensions.extend(subscription=trial, by=actor, at=actor.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            told = {"day": day(trial.term_end, trial.zone)}
            messages.success(request, _("The trial runs until %(day)s now.") % told)
        return redirect("admin:commerce_purchase_change", trial.pk)

    def end_trial_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        actor = self.acting_on_trials(request, Right.END_PURCHASES_OF_OTHERS)
        trial = self.trial(actor, subscription_id)
        try:
            done = cancellations.cancel_subscription(subscription=trial, reason="", by=actor, at=actor.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            told = _("What was charged goes back.") if done.refunds else _("Nothing was charged.")
            messages.success(request, f"{_('The trial has ended.')} {told}")
        return redirect("admin:commerce_purchase_change", trial.pk)

    def acting_on_trials(self, request: HttpRequest, right: Right) -> Actor:
        """:raises PermissionDenied: nothing was sent, or by somebody whose roles do not allow it"""
        actor = self.actor(request)
        if request.method != "POST" or actor.membership is None or not actor.may(right):
            raise PermissionDenied
        return actor

    def trial(self, actor: Actor, pk: UUID) -> Subscription:
        return get_object_or_404(Subscription.objects.visible_to(actor).trials(), pk=pk)


def trial_of(subscription: Subscription, by: Actor) -> dict[str, Any] | None:
    """What may be done with a trial on its page; none: it is none, or has ended, or not by this person."""
    now = by.now()
    if by.membership is None or not subscription.is_trial or not subscription.gives_access:
        return None
    may_extend = by.may(Right.CHANGE_POLICY) and trials.can_be_extended(subscription, at=now)
    may_end = by.may(Right.END_PURCHASES_OF_OTHERS) and subscription.term_end > now
    if not (may_extend or may_end):
        return None
    return {
        "subscription": subscription,
        "days": subscription.plan.product.trial_days,
        "may_extend": may_extend,
        "may_end": may_end,
    }
