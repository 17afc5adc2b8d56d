"""What stands in lists that many may open, and what is done with central purchases: by whom, and by nobody else."""

from tests.made_once import each, undone
from tests.roles.audiences import BILLING, DELEGATE, GIVES, GLOBAL, OPERATOR, OWNER, PRICED, READS_POLICY, ROLES
from tests.roles.people import WHO
from tests.roles.stage import OnStage, Stage

WHOLE = "?page_size=200"


def row_of(answer, subscription):
    if answer.status_code != 200:
        return None
    return next((row for row in answer.json()["results"] if row["id"] == str(subscription.pk)), None)


def purchases(caller):
    return caller.call("GET", f"/api/v1/subscriptions/{WHOLE}")


def has(path, text):
    return lambda caller, world: text(world) in caller.call("GET", path).content.decode()


SEEN = {
    "a self-service purchase": (
        lambda caller, world: row_of(purchases(caller), world.subscription) is not None,
        READS_POLICY | OWNER | DELEGATE,
    ),
    "a central purchase": (
        lambda caller, world: row_of(purchases(caller), world.central.subscription) is not None,
        ROLES | DELEGATE,
    ),
    "the price of a purchase": (
        lambda caller, world: bool((row_of(purchases(caller), world.subscription) or {}).get("unit_price")),
        PRICED | OWNER | DELEGATE,
    ),
    "the price of a central purchase": (
        lambda caller, world: bool((row_of(purchases(caller), world.central.subscription) or {}).get("unit_price")),
        PRICED | DELEGATE,
    ),
    "an order": (has(f"/api/v1/orders/{WHOLE}", lambda w: str(w.order.pk)), PRICED | OWNER | DELEGATE),
    "an invoice": (has(f"/api/v1/invoices/{WHOLE}", lambda w: w.invoice.number), PRICED | OWNER | DELEGATE),
    "the journal": (
        has("/api/v1/events/?page_size=200&type=order.paid", lambda w: '"position"'),
        PRICED | OWNER | DELEGATE,
    ),
    "a self-service purchase in the procurement view": (
        has("/admin/commerce/purchase/", lambda w: f"/admin/commerce/purchase/{w.subscription.pk}/change/"),
        READS_POLICY | DELEGATE | OPERATOR,
    ),
    "a central purchase in the procurement view": (
        has("/admin/commerce/purchase/", lambda w: f"/admin/commerce/purchase/{w.central.subscription.pk}/change/"),
        ROLES | DELEGATE | OPERATOR,
    ),
    "the price on its page": (
        lambda caller, world: (
            "9.99" in caller.call("GET", f"/admin/commerce/purchase/{world.subscription.pk}/change/").content.decode()
        ),
        PRICED | DELEGATE | OPERATOR,
    ),
}


def central(path):
    return lambda world: f"/api/v1/subscriptions/{world.central.subscription.pk}/{path}"


DONE = {
    "central seats assigned": (
        "POST",
        central("seats/"),
        lambda w: {"members": [w.colleague.user.email]},
        GIVES | DELEGATE,
    ),
    "central seats released": (
        "POST",
        central("seats/release/"),
        lambda w: {"members": [w.admin.user.email]},
        GIVES | DELEGATE,
    ),
    "more central seats": (
        "POST",
        central("quantity/"),
        lambda w: {"quantity": 6, "preview": True},
        GLOBAL | BILLING,  # an order is some member's: a partner's people place none
    ),
    "a central purchase ended": ("POST", central("cancel/"), lambda w: {"preview": True}, GLOBAL | BILLING | DELEGATE),
    "a central purchase not renewed": (
        "POST",
        central("auto-renew/"),
        lambda w: {"auto_renew": False},
        GLOBAL | BILLING | DELEGATE,
    ),
    "seats of another's purchase assigned": (
        "POST",
        lambda w: f"/api/v1/subscriptions/{w.subscription.pk}/seats/",
        lambda w: {"members": [w.colleague.user.email]},
        OWNER,
    ),
    "seats of what the organisation adopted": (
        "POST",
        lambda w: f"/api/v1/subscriptions/{adopted(w).pk}/seats/",
        lambda w: {"members": [w.colleague.user.email]},
        GIVES | DELEGATE,
    ),
}


def adopted(world):
    """It stays a self-service purchase; the organisation owns it, and pays."""
    type(world.subscription).objects.filter(pk=world.subscription.pk).update(owner=None)
    return world.subscription


@each("test_is_seen_by_those_alone_who_may", SEEN)
@each("test_is_done_by_those_alone_who_may", DONE)
class TestByThoseAloneWhoMay(OnStage):
    def test_is_seen_by_those_alone_who_may(self, what):
        look, audience = SEEN[what]
        assert {who for who in WHO if look(Stage.callers[who], Stage.world)} == audience

    def test_is_done_by_those_alone_who_may(self, what):
        method, url, body, audience = DONE[what]
        may = set()
        for who in WHO:
            with undone():
                answer = Stage.callers[who].call(method, url(Stage.world), body(Stage.world))
            if answer.status_code in {200, 201, 204}:
                may.add(who)
        assert may == audience
