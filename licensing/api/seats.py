"""The seats of a subscription: whoever sees it reads them; its owner, or the tenant's admins, assign and release."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email, SeatOut
from licensing.models import Seat, Subscription
from licensing.operations import seats
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.directory.models import Membership


class MembersBody(Input):
    members = serializers.ListField(child=Email(), allow_empty=False, max_length=seats.MOST_AT_ONCE)


class SeatsView(TenantView):
    scopes = {}

    def visible(self, id: UUID) -> Subscription:
        return self.find(Subscription.objects.visible_to(self.actor).select_related("tenant"), pk=id)

    def assignable(self, id: UUID) -> Subscription:
        """:raises NotAllowed: the caller sees it, but does not give its seats"""
        subscription = self.visible(id)
        seats.require_assigner(subscription, self.actor)
        return subscription


class Seats(SeatsView):
    scopes = {"GET": "purchases:read", "POST": "seats:write"}
    orderings = {"created_at": "assigned_at", "id": "id"}

    @extend_schema(operation_id="list_seats", responses=page_of(SeatOut))
    def get(self, request: Request, id: UUID) -> Response:
        """Who holds a seat now."""
        subscription = self.visible(id)
        self.query(Input)
        return self.page(Seat.objects.open().filter(subscription=subscription).with_people(), SeatOut)

    @extend_schema(operation_id="assign_seats", request=MembersBody, responses={201: SeatOut(many=True)})
    def post(self, request: Request, id: UUID) -> Response:
        """Give each member a seat, all or none; whoever has one keeps it. One seat for each, in their order."""
        subscription, body = self.assignable(id), self.body(MembersBody)
        members = seats.members_by_email(body["members"], by=self.actor)
        given = seats.assign(subscription=subscription, members=members, by=self.actor, at=self.actor.now())
        return Response(self.shown(given), status=201)

    def shown(self, given: list[Seat]) -> Any:
        found = Seat.objects.with_people().in_bulk([seat.pk for seat in given])
        return SeatOut([found[seat.pk] for seat in given], many=True).data


class ReleaseSeats(SeatsView):
    scopes = {"POST": "seats:write"}

    @extend_schema(operation_id="release_seats", request=MembersBody, responses=SeatOut(many=True))
    def post(self, request: Request, id: UUID) -> Response:
        """Take the seats of people back, all or none; whoever has none is left alone. The seats that were released."""
        subscription, body = self.assignable(id), self.body(MembersBody)
        released = seats.release(
            subscription=subscription, members=self.people(body["members"]), by=self.actor, at=self.actor.now()
        )
        shown = Seat.objects.filter(pk__in=[seat.pk for seat in released]).with_people().order_by("pk")
        return Response(SeatOut(shown, many=True).data)

    def people(self, emails: list[str]) -> list[Membership]:
        """Also those who were disabled or have left: their seats are what one wants back. :raises NotAMember:"""
        everybody = Membership.objects.of(self.tenant).members()
        found = {m.user.email: m for m in everybody.by_email(emails).select_related("user")}
        for email in emails:
            if email not in found:
                raise seats.NotAMember(email)
        return list(found.values())


class OneSeat(SeatsView):
    scopes = {"DELETE": "seats:write"}

    @extend_schema(operation_id="release_seat", responses={204: None})
    def delete(self, request: Request, id: UUID, seat: UUID) -> Response:
        """Take one seat back. Released already: nothing changes."""
        subscription = self.assignable(id)
        held = self.find(Seat.objects.filter(subscription=subscription), pk=seat)
        seats.release_one(seat_id=held.pk, subscription=subscription, by=self.actor, at=self.actor.now())
        return Response(status=204)
