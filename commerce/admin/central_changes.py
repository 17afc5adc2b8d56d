"""Changing what the organisation has bought: seats, renewal, end, and what pays for it."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from commerce.admin.central import CentralOrders
from commerce.admin.central_desk import PAY, CentralDesk, OrganisationPaysForm, may_change
from commerce.models import PaymentMethod
from commerce.operations.paying import sources
from commerce.views import aligning, cancelling, changing, ordering, reactivating
from commerce.views.subscriptions import turn_renewal
from licensing.models import Subscription
from tenants.access import Actor
from tenants.procurement import READS
from tenants.refusal import Refused

ASKS = (*READS, "POST")


class CentralChanges(CentralOrders):
    """
    The pages behind the buttons of a central purchase. What they show, ask and do is what its owner's pages do with a
    person's own.
    """

    def get_urls(self) -> list[URLPattern]:
        views = {
            "add-seats": self.add_seats_view,
            "remove-seats": self.remove_seats_view,
            "keep-seats": self.keep_seats_view,
            "align": self.align_view,
            "cancel": self.cancel_view,
            "reactivate": self.reactivate_view,
            "renewal": self.renewal_view,
            "payment": self.payment_view,
            "give-up": self.give_up_view,
        }
        mine = [
            path(
                f"<uuid:subscription_id>/{page}/",
                self.admin_site.admin_view(view),
                name=f"commerce_purchase_{page.replace('-', '_')}",
            )
            for page, view in views.items()
        ]
        return [*mine, *super().get_urls()]

    def add_seats_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        return changing.change_seats(self.desk(request, subscription_id, methods=ASKS), more=True)

    def remove_seats_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        return changing.change_seats(self.desk(request, subscription_id, methods=ASKS), more=False)

    def keep_seats_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        return changing.keep_seats(self.desk(request, subscription_id))

    def align_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        return aligning.align_alike(self.desk(request, subscription_id, methods=ASKS))

    def cancel_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        return cancelling.end(self.desk(request, subscription_id, methods=ASKS, ends=True))

    def reactivate_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        return reactivating.go_on(self.desk(request, subscription_id, methods=ASKS))

    def renewal_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        desk = self.desk(request, subscription_id, ends=True)
        turn_renewal(request, desk.subscription, desk.by)
        return desk.leave()

    def give_up_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        return ordering.give_up_order(self.desk(request, subscription_id))

    def payment_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        """What pays from the next charge on."""
        desk = self.desk(request, subscription_id, methods=ASKS)
        form = desk.sources_form(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return desk.show(PAY, {"form": form}, status=400 if form.errors else 200)
        try:
            self.let_pay(desk, form)
        except Refused as refusal:
            return desk.back(refusal)
        messages.success(request, _("It is paid that way from the next charge on. Nothing was charged now."))
        return desk.leave()

    def let_pay(self, desk: CentralDesk, form: OrganisationPaysForm) -> None:
        subscription = desk.subscription
        if form.agreement is not None:
            sources.bill(subscription=subscription, agreement=form.agreement, by=desk.by, at=desk.now)
            return
        card = PaymentMethod.objects.usable_by(desk.by).filter(pk=form.cleaned_data["payment_method"]).first()
        if card is None:
            raise Http404
        sources.change(subscription=subscription, card=card, by=desk.by, at=desk.now)

    def desk(
        self, request: HttpRequest, subscription_id: UUID, *, methods: tuple[str, ...] = ("POST",), ends: bool = False
    ) -> CentralDesk:
        """
        `ends`: it only ends something, or lets it go on.

        :raises PermissionDenied: somebody who may not do it to what the organisation pays; or nothing was sent
        :raises Http404: none of this organisation's own
        """
        actor = self.ending_actor(request) if ends else self.acting_buyer(request)
        if request.method not in methods:
            raise PermissionDenied
        own = Subscription.objects.visible_to(actor).of_the_tenant_itself().filter(payer=None).with_people()
        subscription = own.filter(pk=subscription_id).first()
        if subscription is None:
            raise Http404
        return CentralDesk(request=request, subscription=subscription, by=actor, now=actor.now(), admin=self)

    def ending_actor(self, request: HttpRequest) -> Actor:
        """:raises PermissionDenied: neither somebody who buys for the organisation, nor who ends others' purchases"""
        actor = self.actor(request)
        if actor.membership is None or not may_change(actor):
            raise PermissionDenied(_("Only those who buy for an organisation can do this."))
        return actor
