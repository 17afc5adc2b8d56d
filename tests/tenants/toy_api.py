"""A call that counts how often it really ran, on the real ground."""

import threading
import time

from django.http import Http404
from django.urls import include, path
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from config.urls import handler400, handler403, handler404, handler500  # noqa: F401 (as the real map)
from tenants.access import Right
from tenants.api.fields import MoneyField
from tenants.api.reading import Input
from tenants.api.views import CallView, TenantView
from tenants.refusal import BadInput, Refused

ran = []
running = threading.Event()


class CardDeclined(Refused):
    http_status = 402
    message = "The card was declined."


class TooManyDeclines(Refused):
    http_status = 429


class Line(Input):
    quantity = serializers.IntegerField(min_value=1, max_value=10_000)


class Body(Input):
    do = serializers.CharField(default="work")
    seconds = serializers.FloatField(default=0)
    lines = Line(many=True, required=False)
    number = serializers.IntegerField(required=False)


def refuse(what):
    if what == "decline":
        raise CardDeclined(decline_code="generic_decline")
    if what == "too_many":
        raise TooManyDeclines(retry_after=12.3)
    if what == "bad":
        raise BadInput("No.", field="members.0", code="not_a_member")
    if what == "gone":
        raise Http404
    if what == "absent":
        raise NotFound
    if what == "break":
        raise RuntimeError("a defect")


class Toy(TenantView):
    scopes = {"POST": "purchases:write", "GET": None}
    idempotent = ("POST",)

    def get(self, request):
        return Response({"email": self.member.user.email, "tenant": self.tenant.slug})

    def post(self, request, owned="yes"):
        if owned == "no":
            raise Http404
        if owned == "admin":
            self.actor.require(Right.CHANGE_POLICY)
        return self.once(self.work)

    def work(self):
        body = self.body(Body)
        running.set()
        time.sleep(body["seconds"])
        ran.append(body["do"])
        if body["do"] == "role":
            self.actor.require(Right.CHANGE_POLICY)
        refuse(body["do"])
        response = Response({"ran": len(ran), "name": "Zoë"}, status=201)
        response["Location"] = f"/toys/{len(ran)}/"
        return response


class Priced(serializers.Serializer):
    total = MoneyField(amount="order.total", currency="order.currency")


class Anybody(CallView):
    scopes = {"GET": "purchases:read"}
    public = ("GET",)

    def get(self, request):
        return Response({"signed_in": self.caller is not None})


urlpatterns = [
    path("api/v1/toy/", Toy.as_view()),
    path("api/v1/toy/<str:owned>/", Toy.as_view()),
    path("api/v1/anybody/", Anybody.as_view()),
    path("", include("config.urls")),
]
