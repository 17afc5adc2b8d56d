import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from licensing.models import Plan, Product
from policies.explanation import ask, explain, in_words
from policies.management.explained import as_lines, as_told
from policies.management.policy_files import PolicyFiles
from policies.models import ExistingRule, PolicyValue, Reach
from policies.operations import dry_runs, policies, settings, values
from policies.operations.endings import Existing
from policies.operations.policies import ProductPolicy
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope
from tenants.access import SYSTEM
from tenants.directory.models import Membership, User
from tenants.management.operator_command import Output, Row, Stop, as_text, moment, tenant_called

# What may be asked for, and the method that does it.
ACTIONS = {
    "list": "list",
    "get": "get",
    "set": "set",
    "set-default": "set_default",
    "stop": "stop",
    "resume": "resume",
    "explain": "explain",
    "claiming": "claiming",
    "plan": "plan",
    "drift": "drift",
    "apply": "apply",
    "export": "export",
}


class Command(PolicyFiles):
    help = "Lists, reads and sets what a tenant allows for its products, and explains a decision rule by rule."
    takes_at = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar=" | ".join(ACTIONS))
        listing = actions.add_parser("list", help="what holds for each product of the catalogue")
        getting = actions.add_parser("get", help="what holds for one product")
        setting = actions.add_parser("set", help="say what the tenant allows for products, of all or of none")
        defaulting = actions.add_parser("set-default", help="say what holds for all that has no value of its own")
        stopping = actions.add_parser("stop", help="stop all self-service buying")
        resuming = actions.add_parser("resume", help="let self-service buying go on")
        explaining = actions.add_parser("explain", help="may this person buy this product? Every rule and its verdict")
        claiming = actions.add_parser("claiming", help="whether members take free seats of the tenant's own themselves")
        of_tenants = (listing, getting, setting, defaulting, stopping, resuming, claiming)
        for subparser in of_tenants:
            subparser.add_argument("tenant", metavar="TENANT", help="the tenant's slug")
        getting.add_argument("product", metavar="PRODUCT", help="the product's id or slug")
        setting.add_argument("products", metavar="PRODUCT", nargs="+", help="the product's id or slug")
        for subparser in (setting, defaulting):
            subparser.add_argument(
                "value", metavar="VALUE", choices=PolicyValue.values, help=" | ".join(PolicyValue.values)
            )
        setting.add_argument("--reason", required=True, help="why; kept in the journal")
        for subparser in (defaulting, stopping, resuming):
            subparser.add_argument("--reason", default="", help="why; kept in the journal")
        for subparser in (setting, defaulting, stopping):
            subparser.add_argument(
                "--existing",
                choices=ExistingRule.values,
                default=ExistingRule.LEAVE.value,
                help="what becomes of what people have bought; default: leave",
            )
            subparser.add_argument(
                "--existing-at", type=moment, metavar="ISO-TIME", help="when to cancel; default: now"
            )
            subparser.add_argument("--dry-run", action="store_true", help="only tell what it would touch")
        claiming.add_argument("allowed", metavar="on | off", choices=["on", "off"])
        explaining.add_argument("email", metavar="EMAIL")
        explaining.add_argument("product", metavar="PRODUCT", help="the product's id or slug")
        explaining.add_argument("--plan", metavar="PLAN", help="a plan of it; default: the cheapest")
        explaining.add_argument("--quantity", type=int, metavar="SEATS", help="default: as few as can be bought")
        explaining.add_argument("--tenant", metavar="SLUG", help="where they want to buy; default: their home tenant")
        for subparser in (*of_tenants, explaining, *self.file_arguments(actions)):
            self.shared_arguments(subparser)

    def perform(self, *, action: str, **options: Any) -> Output:
        done: Output = getattr(self, ACTIONS[action])(**options)
        return done

    def list(self, *, tenant: str, at: datetime, json: bool, **options: Any) -> Output:
        products = Product.objects.order_by("family", "name", "pk")
        rows = [as_row(policy) for policy in policies.in_force(tenant_called(tenant), products, at=at)]
        return rows if json else [signed(row) for row in rows]

    def get(self, *, tenant: str, product: str, at: datetime, json: bool, **options: Any) -> Output:
        row = as_row(policies.in_force(tenant_called(tenant), [product_called(product)], at=at)[0])
        return row if json else signed(row)

    def set(
        self, *, tenant: str, products: Sequence[str], value: str, reason: str, at: datetime, json: bool, **options: Any
    ) -> Output:
        found, existing = [product_called(name) for name in products], existing_in(options)
        if options["dry_run"]:
            values.check_existing(existing, value, at=at)
            new = [NewValue(scope=Scope(product=product), value=value) for product in found]
            return tried(tenant, Change(values=new), at=at, json=json)
        said = policies.set_product_policies(
            tenant=tenant_called(tenant),
            products=found,
            value=value,
            reason=reason,
            existing=existing,
            by=SYSTEM,
            at=at,
        )
        rows = [as_row(policy) if json else signed(as_row(policy)) for policy in said]
        return rows[0] if len(products) == 1 else rows

    def set_default(self, *, value: str, **options: Any) -> Output:
        change = Change(values=[NewValue(scope=Scope(), value=value)])
        return self.settle(change, {"default_for_new_products": value}, **options)

    def stop(self, **options: Any) -> Output:
        return self.settle(Change(stopped=True), {"self_service_enabled": False}, **options)

    def resume(self, **options: Any) -> Output:
        return self.settle(Change(stopped=False), {"self_service_enabled": True}, **options)

    def settle(
        self,
        change: Change,
        told: dict[str, Any],
        *,
        tenant: str,
        reason: str,
        at: datetime,
        json: bool,
        **options: Any,
    ) -> Output:
        """Change settings as `told`, or tell what the same `change` would touch."""
        existing = existing_in(options)
        if options.get("dry_run"):
            settings.check_existing(existing, at=at, **told)
            return tried(tenant, change, at=at, json=json)
        now = settings.change(tenant=tenant_called(tenant), reason=reason, existing=existing, by=SYSTEM, at=at, **told)
        return {"tenant": tenant, **{name: getattr(now, name) for name in told}, **reached(now.reach)}

    def claiming(self, *, tenant: str, allowed: str, at: datetime, **options: Any) -> Output:
        held = settings.let_members_claim_seats(tenant=tenant_called(tenant), allowed=allowed == "on", by=SYSTEM, at=at)
        return {"tenant": tenant, "members_claim_seats": held.members_claim_seats}

    def explain(
        self,
        *,
        email: str,
        product: str,
        tenant: str | None,
        plan: str | None,
        quantity: int | None,
        at: datetime,
        json: bool,
        **options: Any,
    ) -> Output:
        member, found = member_called(email, tenant), product_called(product)
        asked, answer = ask(member, found, plan=plan_called(plan, found) if plan else None, quantity=quantity, at=at)
        head: Row = {
            "user": member.user.email,
            "tenant": member.tenant.slug,
            "product": answer.product.pk,
            "plan": asked.plan.pk if asked.plan else None,
            "quantity": asked.quantity,
            "outcome": answer.outcome,
        }
        told = explain(answer, asked=asked, in_full=True)
        if json:
            rules = [as_told(line) for line in told.lines]
            return {**head, "reasons": told.reasons, "rules": rules, "contact": told.contact}
        return f"{as_text({**head, 'asked': in_words(asked)})}\n\n{as_lines(told)}"


def existing_in(options: dict[str, Any]) -> Existing:
    return Existing(rule=options.get("existing", ExistingRule.LEAVE.value), at=options.get("existing_at"))


def tried(tenant: str, change: Change, *, at: datetime, json: bool) -> Output:
    """What a change would touch."""
    touched = dry_runs.of(tenant=tenant_called(tenant), change=change, by=SYSTEM, at=at)
    told = dry_runs.as_told(touched)
    if json:
        return told
    parts = [
        f"{touched.decisions_count} decisions of the last 90 days would have been different.",
        as_text(told["decisions"]["products"]) if touched.decisions_count else "",
        as_text(told["decisions"]["first"]) if touched.decisions_count else "",
        f"{touched.subscriptions_count} running subscriptions are touched.",
        touched.left_alone_told,
        as_text(told["subscriptions"]["first"]) if touched.subscriptions_count else "",
        "Nothing was changed.",
    ]
    return "\n".join(part for part in parts if part)


def as_row(policy: ProductPolicy) -> Row:
    return {
        "product": policy.product.pk,
        "slug": policy.product.slug,
        "value": policy.value,
        "source": policy.source.level,
        "set_by": policy.source.set_by,
        "set_at": policy.source.set_at,
        "reason": policy.reason,
        **reached(policy.reach),
    }


def reached(reach: Reach | None) -> Row:
    """What a change did to what people have; nothing where it was not to end any."""
    return {} if reach is None else {"ended": reach.ended, "left_alone": reach.left_alone}


def signed(row: Row) -> Row:
    """For people: what was set without a person was set like this."""
    return {**row, "set_by": row["set_by"] or "Operator, by command"} if row["set_at"] else row


def plan_called(name: str, product: Product) -> Plan:
    """:raises Stop: the product has no plan with that id"""
    found = Plan.objects.filter(pk=name, product=product).first() if "\0" not in name else None
    if found is None:
        raise Stop(f"{product.pk} has no plan {name!r}.")
    return found


def product_called(name: str) -> Product:
    """:raises Stop: no product has that id or slug"""
    found = Product.objects.filter(Q(pk=name) | Q(slug=name)).select_related("family") if "\0" not in name else []
    # An id wins, should one product's id be another's slug.
    for product in sorted(found, key=lambda product: product.pk != name):
        return product
    raise Stop(f"There is no product {name!r}.")


def member_called(email: str, tenant: str | None) -> Membership:
    """
    The person in the named tenant, or at home.

    :raises Stop: no such person, or they have no membership there
    """
    user = User.objects.filter(email=email.strip().lower()).first() if "\0" not in email else None
    if user is None:
        raise Stop(f"There is nobody called {email!r}.")
    memberships = Membership.objects.filter(user=user).select_related("tenant", "user", "department")
    member = (memberships.members() if tenant is None else memberships.of(tenant_called(tenant))).first()
    if member is None:
        raise Stop(f"{email} belongs to no such tenant." if tenant else f"{email} has no home tenant. Use --tenant.")
    return member
