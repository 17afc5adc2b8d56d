"""Who may use a product by the tenant's access policies, whatever was paid; and who would, before one is saved."""

import json
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from licensing.models import GIVES_ACCESS, Product
from licensing.operations import entitlements
from licensing.operations.entitlements import Entitlement
from policies.models import GovernanceKind, GovernancePolicy
from policies.operations.governance import Terms
from tenants.directory.models import Membership, MemberState, Tenant

NAMED_AT_MOST = 100
NO_ACCESS = _(
    "Your organisation gives other people access to this product, or nobody, whatever was paid for it. "
    "Ask your IT before you buy it."
)

NO_ACCESS_TRIAL = _(
    "Your organisation gives other people access to this product, or nobody, also in a trial. "
    "Ask your IT before you start it."
)
NO_ACCESS_NOW = _(
    "Your organisation gives other people access to this product, or nobody, whatever was paid for it. "
    "Your seat stays yours, but it does not open the product. Ask your IT who has access."
)

# Everybody who holds a seat that gives access, each of their products, and which policies shut them out of it: the one
# in question as it is ("before") and as it would be ("after"), and all others ("always").
_EFFECT = """
WITH RECURSIVE own (id, above, parent_id) AS (
    SELECT id, id, parent_id FROM tenants_department WHERE tenant_id = %(tenant)s
    UNION
    SELECT own.id, parent.id, parent.parent_id FROM own JOIN tenants_department parent ON parent.id = own.parent_id
),
said (moment, families, products, departments) AS (
    SELECT moment, families, products, departments FROM jsonb_to_recordset(%(said)s::jsonb)
        AS given (moment text, families jsonb, products jsonb, departments jsonb)
    UNION ALL
    SELECT 'always',
        coalesce(jsonb_agg(scope.family_id) FILTER (WHERE scope.family_id IS NOT NULL), '[]'),
        coalesce(jsonb_agg(scope.product_id) FILTER (WHERE scope.product_id IS NOT NULL), '[]'),
        coalesce(jsonb_agg(scope.department_id) FILTER (WHERE scope.department_id IS NOT NULL), '[]')
    FROM policies_governancepolicy policy
    LEFT JOIN policies_governancescope scope ON scope.policy_id = policy.id
    WHERE policy.tenant_id = %(tenant)s AND policy.kind = %(access)s AND policy.id IS DISTINCT FROM %(policy)s::uuid
    GROUP BY policy.id
),
held AS (
    SELECT DISTINCT member.id AS member_id, member.department_id, person.email, product.id AS product_id,
        product.family_id
    FROM licensing_seat seat
    JOIN licensing_subscription subscription ON subscription.id = seat.subscription_id
    JOIN licensing_plan plan ON plan.id = subscription.plan_id
    JOIN licensing_product product ON product.id = plan.product_id
    JOIN tenants_membership member ON member.id = seat.member_id
    JOIN tenants_user person ON person.id = member.user_id
    WHERE seat.tenant_id = %(tenant)s AND seat.released_at IS NULL AND subscription.state = ANY(%(states)s)
        AND member.state = %(active)s
),
judged AS (
    SELECT held.member_id, held.email,
        coalesce(bool_or(said.moment = 'always'), false) AS otherwise,
        coalesce(bool_or(said.moment = 'before'), false) AS before,
        coalesce(bool_or(said.moment = 'after'), false) AS after
    FROM held LEFT JOIN said
        ON (said.products ? held.product_id OR said.families ? held.family_id
            OR (said.products = '[]' AND said.families = '[]'))
        AND NOT EXISTS (
            SELECT FROM own WHERE own.id = held.department_id AND said.departments ? own.above::text
        )
    GROUP BY held.member_id, held.email, held.product_id
),
people AS (
    SELECT email, bool_or(after AND NOT before) AS loses, bool_or(before AND NOT after) AS regains
    FROM judged WHERE NOT otherwise GROUP BY member_id, email
)
SELECT
    count(*) FILTER (WHERE loses), (array_agg(email ORDER BY email) FILTER (WHERE loses))[1:%(most)s],
    count(*) FILTER (WHERE regains), (array_agg(email ORDER BY email) FILTER (WHERE regains))[1:%(most)s]
FROM people
"""


@dataclass(frozen=True, kw_only=True)
class People:
    """How many, and the addresses of the first of them."""

    count: int = 0
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Who holds a seat and could no longer use a product, or could again."""

    loses: People = People()
    regains: People = People()


def entitlement(*, member: Membership, product: Product) -> Entitlement:
    """As the seats say, unless an access policy of the tenant shuts the person out; two queries."""
    answer = entitlements.entitlement(member=member, product=product)
    if answer.entitled and is_shut_out(member, product):
        return replace(answer, entitled=False, reason="access_policy", until=None, subscription=None)
    return answer


def is_shut_out(member: Membership, product: Product) -> bool:
    """Whether the tenant has turned the product off, or limited it to departments that the member is not in."""
    return GovernancePolicy.objects.shutting_out(member).fitting(product).exists()


def effect(*, tenant: Tenant, policy: GovernancePolicy | None = None, terms: Terms | None = None) -> Effect:
    """
    Who would lose access, and who would have it again, if `policy` (none: a new one) said `terms` (none: it is
    removed). `terms` are checked already.
    """
    moments = {"before": Terms.of(policy) if policy else None, "after": terms}
    said = [{"moment": moment, **told.scopes} for moment, told in moments.items() if told and told.is_access]
    if not said:
        return Effect()
    asked: dict[str, Any] = {
        "tenant": tenant.pk,
        "said": json.dumps(said),
        "policy": policy.pk if policy else None,
        "access": GovernanceKind.ACCESS,
        "states": list(GIVES_ACCESS),
        "active": MemberState.ACTIVE,
        "most": NAMED_AT_MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(_EFFECT, asked)
        losing, losers, regaining, regainers = cursor.fetchone()
    return Effect(
        loses=People(count=losing, emails=tuple(losers or ())),
        regains=People(count=regaining, emails=tuple(regainers or ())),
    )
