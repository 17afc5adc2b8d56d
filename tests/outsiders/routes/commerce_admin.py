"""The admin's pages of purchases and money."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from commerce.models import ExportSchedule, Notice, PaymentSource, SavedFilter, TaxRate
from commerce.operations.procurement import saved_filters
from licensing.models import Subscription
from tests import factories
from tests.outsiders.changed import align_form, seats_form, shown
from tests.outsiders.routes.act import Act, Fill, nothing
from tests.outsiders.taken_over import taken_over
from tests.outsiders.world import World


def _of_the_organisation(world: World) -> dict[str, Any]:
    return {"subscription_id": world.central.subscription.pk}


def _kept_filter(world: World) -> dict[str, Any]:
    """One that somebody of the victim's shares with everybody there."""
    kept = SavedFilter.objects.of(world.tenant).first()
    if kept is None:
        by, query = factories.admin_of(world.tenant), {"state": "active"}
        kept = saved_filters.keep(name="Running", query=query, shared=True, by=by, at=timezone.now())
    return {"filter_id": kept.pk}


def _schedule(world: World) -> dict[str, Any]:
    return {"schedule_id": ExportSchedule.objects.of(world.tenant).get().pk}


def _notice(world: World) -> dict[str, Any]:
    return {"notice_id": Notice.objects.of(world.tenant).get().pk}


ENTRIES: dict[str, Fill] = {
    "admin/commerce/leavertask/<path:object_id>/change/": lambda w: {"object_id": w.leaver_task.pk},
    **{
        f"admin/commerce/centralisation/<{kind}:object_id>/{page}/": lambda w: {"object_id": w.centralised.row.pk}
        for kind, page in (
            ("path", "change"),
            *(("uuid", page) for page in ("people", "cost", "seats", "purchasers", "let-be", "drop")),
        )
    },
    "admin/commerce/dispute/<path:object_id>/change/": lambda w: {"object_id": w.dispute.pk},
    "admin/commerce/incomingevent/<path:object_id>/change/": lambda w: {"object_id": w.incoming.pk},
    "admin/commerce/difference/<path:object_id>/change/": lambda w: {"object_id": w.difference.pk},
    "admin/commerce/movement/<path:object_id>/change/": lambda w: {"object_id": w.tenant.movements.first().pk},
    "admin/commerce/supportcase/<path:object_id>/change/": lambda w: {"object_id": w.case.pk},
    "admin/commerce/agreement/<path:object_id>/change/": lambda w: {"object_id": w.central.agreement.pk},
    "admin/commerce/purchase/kept-filters/<uuid:filter_id>/remove/": _kept_filter,
    "admin/commerce/purchase/sent-regularly/<uuid:schedule_id>/remove/": _schedule,
    "admin/commerce/notice/<uuid:notice_id>/read/": _notice,
    "admin/commerce/notice/<uuid:notice_id>/unread/": _notice,
    "admin/commerce/purchase/<path:object_id>/assign/": lambda w: {"object_id": w.central.subscription.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/give-seats/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/former-people/": _of_the_organisation,
    "admin/commerce/purchase/<path:object_id>/release/": lambda w: {"object_id": w.central.subscription.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/extend-trial/": lambda w: {"subscription_id": w.trial.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/allow-renewal/": lambda w: {"subscription_id": w.subscription.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/end-trial/": lambda w: {"subscription_id": w.trial.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/add-seats/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/remove-seats/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/keep-seats/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/align/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/cancel/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/reactivate/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/renewal/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/payment/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/give-up/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/take-over/": lambda w: {"subscription_id": w.subscription.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/merge/": _of_the_organisation,
    **{
        f"admin/commerce/takeover/<path:object_id>/{page}/": lambda w: {"object_id": taken_over(w).pk}
        for page in ("change", "settle", "undo")
    },
    "admin/commerce/purchase/order/<uuid:order_id>/": lambda w: {"order_id": w.central.invoice.order_id},
    "admin/commerce/invoice/<path:object_id>/change/": lambda w: {"object_id": w.invoice.pk},
    "admin/commerce/invoice/<path:object_id>/pdf/": lambda w: {"object_id": w.invoice.pk},
    "admin/commerce/seller/<path:object_id>/change/": lambda w: {"object_id": w.invoice.seller_id},
    "admin/commerce/harddecline/<path:object_id>/change/": lambda w: {"object_id": "lost_card"},
    "admin/commerce/renewal/<path:object_id>/change/": lambda w: {"object_id": w.renewal.pk},
    "admin/commerce/purchase/<path:object_id>/change/": lambda w: {"object_id": w.subscription.pk},
    "admin/commerce/price/<path:object_id>/change/": lambda w: {"object_id": w.plan.prices.first().pk},
    "admin/commerce/taxrate/<path:object_id>/change/": lambda w: {"object_id": TaxRate.objects.get().pk},
}


def _read_already(world: World) -> dict[str, Any]:
    Notice.objects.of(world.tenant).update(read_at=timezone.now())
    return {}


def _stopped(world: World) -> dict[str, Any]:
    Subscription.objects.filter(pk=world.subscription.pk).update(renewal_stopped_at=timezone.now(), auto_renew=False)
    return {"reason": "Needed"}


def _aligned_centrally(world: World) -> dict[str, Any]:
    target = world.central.subscription
    earlier = factories.buy_centrally(world.admin, target.plan, at=timezone.now() - timedelta(days=20))
    PaymentSource.objects.filter(subscription=earlier).update(agreement=world.central.agreement)
    page = reverse("admin:commerce_purchase_align", args=[target.pk])
    paid = {"payment_method": str(world.central.agreement.pk)}
    return {**align_form(page, target, earlier, world.admin), **paid}


ACTS = [
    Act("admin/commerce/purchase/kept-filters/<uuid:filter_id>/remove/", "POST", nothing, by="admin"),
    Act("admin/commerce/purchase/sent-regularly/<uuid:schedule_id>/remove/", "POST", nothing, by="admin"),
    Act("admin/commerce/notice/<uuid:notice_id>/read/", "POST", nothing, by="admin"),
    Act("admin/commerce/notice/<uuid:notice_id>/unread/", "POST", _read_already, by="admin"),
    Act("admin/commerce/purchase/<uuid:subscription_id>/align/", "POST", _aligned_centrally, by="admin"),
    Act("admin/commerce/renewal/<path:object_id>/change/", "POST", nothing, by="operator"),
    Act("admin/commerce/leavertask/<path:object_id>/change/", "POST", lambda w: {"choice": "let_end"}, by="admin"),
    Act(
        "admin/commerce/purchase/<path:object_id>/assign/",
        "POST",
        lambda w: {"members": w.colleague.user.email},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<path:object_id>/release/",
        "POST",
        lambda w: {"seats": str(w.central.seat.pk)},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/add-seats/",
        "POST",
        lambda w: {**seats_form(w.central.subscription, 6, w.admin), "payment_method": str(w.central.agreement.pk)},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/remove-seats/",
        "POST",
        lambda w: seats_form(w.central.subscription, 4, w.admin),
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/cancel/",
        "POST",
        lambda w: {"reason": "No need", "shown": shown(w.central.subscription, 0, w.admin)},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/renewal/",
        "POST",
        lambda w: {"auto_renew": "off"},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/allow-renewal/",
        "POST",
        _stopped,
        by="admin",
    ),
    Act("admin/commerce/takeover/<path:object_id>/settle/", "POST", nothing, by="admin"),
    Act("admin/commerce/takeover/<path:object_id>/undo/", "POST", nothing, by="admin"),
    Act("admin/commerce/centralisation/<uuid:object_id>/drop/", "POST", nothing, by="admin"),
]

READ_ONLY: set[str] = set()  # but for those of the admin
