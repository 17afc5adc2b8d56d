"""May this person buy this product? Every rule, its verdict, and the row that it came from."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email, person_asked_about
from licensing.models import Plan, Product
from policies import eligibility
from policies.api.shapes import ContactOut, OrNone, ReasonOut, SourceOut
from policies.explanation import explain
from policies.models.decision import Outcome
from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.views import TenantView
from tenants.refusal import BadInput


class EligibilityQuery(Input):
    user = Email(required=False, help_text=_("A member's e-mail address; default the caller. For admins."))
    plan = serializers.CharField(max_length=80, required=False, help_text=_("A plan of this product."))
    quantity = serializers.IntegerField(required=False, help_text=_("Asks the limits of a purchase too."))


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
    reasons = ReasonOut(many=True)
    rules = RuleOut(many=True, source="lines")
    contact = ContactOut()


class Eligibility(TenantView):
    scopes = {"GET": "policies:read"}

    @extend_schema(operation_id="get_eligibility", parameters=[EligibilityQuery], responses=EligibilityOut)
    def get(self, request: Request, id: str) -> Response:
        """The same decision as checkout and payment make. Whoever may read policies may ask for others."""
        product = self.find(Product.objects.select_related("family"), pk=id)
        asked = self.query(EligibilityQuery)
        person = person_asked_about(asked.get("user"), by=self.actor, right=Right.READ_POLICY)
        answer = eligibility.decide(
            person,
            product,
            plan=self.plan(product, asked.get("plan")),
            quantity=asked.get("quantity"),
            at=timezone.now(),
        )
        return Response(EligibilityOut(explain(answer)).data)

    def plan(self, product: Product, plan_id: str | None) -> Plan | None:
        if plan_id is None:
            return None
        found = Plan.objects.filter(product=product, pk=plan_id).first()
        if found is None:
            raise BadInput(_("This product has no such plan."), field="plan", code="does_not_exist")
        return found
