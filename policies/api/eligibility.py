"""May this person buy this product? Every rule, its verdict, and the row that it came from."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email, person_asked_about
from licensing.models import Plan, Product
from policies.api.shapes import ContactOut, OrNone, ReasonOut, SourceOut
from policies.explanation import ask, explain
from policies.models.decision import Outcome
from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.views import TenantView
from tenants.refusal import BadInput


class EligibilityQuery(Input):
    user = Email(required=False, help_text=_("A member's e-mail address; default the caller. For admins."))
    plan = serializers.CharField(
        max_length=80, required=False, help_text=_("A plan of this product; default the cheapest.")
    )
    quantity = serializers.IntegerField(required=False, help_text=_("Default: as few seats as can be bought."))


class RuleOut(serializers.Serializer):
    rule = serializers.CharField()
    title = serializers.CharField(help_text="What it asks.")
    passed = serializers.BooleanField()
    code = OrNone(help_text="Why it failed; null when it passed.")
    detail = OrNone(help_text="The same in words.")
    would_pass = OrNone(help_text="What would make it pass; null when it passed.")
    source = SourceOut()  # type: ignore[assignment]  # a field named as in the contract


class EligibilityOut(serializers.Serializer):
    outcome = serializers.ChoiceField(Outcome.choices)
    plan = serializers.CharField(
        source="asked.plan.pk", allow_null=True, help_text="What was weighed; null: none has a price here."
    )
    quantity = serializers.IntegerField(source="asked.quantity", allow_null=True)
    reasons = ReasonOut(many=True)
    rules = RuleOut(many=True, source="lines")
    contact = ContactOut()


class Eligibility(TenantView):
    scopes = {"GET": "policies:read"}

    @extend_schema(operation_id="get_eligibility", parameters=[EligibilityQuery], responses=EligibilityOut)
    def get(self, request: Request, id: str) -> Response:
        """
        The same decision as checkout and payment make, with what the purchase would cost. Whoever may read policies may
        ask for others, and is told who has set what decides, and its id.
        """
        product = self.find(Product.objects.select_related("family"), pk=id)
        asked = self.query(EligibilityQuery)
        person = person_asked_about(asked.get("user"), by=self.actor, right=Right.READ_POLICY)
        plan = self.plan(product, asked.get("plan"))
        weighed, answer = ask(person, product, plan=plan, quantity=asked.get("quantity"), at=self.actor.now())
        told = explain(answer, asked=weighed, in_full=self.actor.may(Right.READ_POLICY))
        return Response(EligibilityOut(told).data)

    def plan(self, product: Product, plan_id: str | None) -> Plan | None:
        if plan_id is None:
            return None
        found = Plan.objects.filter(product=product, pk=plan_id).first()
        if found is None:
            raise BadInput(_("This product has no such plan."), field="plan", code="does_not_exist")
        return found
