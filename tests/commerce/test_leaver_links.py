"""A leaver's letters, and the page behind the signed link in them."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail, signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.models import Invoice, LeaverTask
from commerce.operations.leaving import decisions, links
from commerce.operations.letters import leaver_letters
from licensing.models import Subscription
from licensing.operations import seats
from tests import ledger
from tests.commerce.conftest import all_is_well
from tests.commerce.handing_over import accept, come_back, leave, offer
from tests.factories import MembershipFactory, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

POST = {"site": "https://seatwise.example", "sender": "Seatwise <no-reply@seatwise.example>"}


@pytest.fixture
def task(ana, cleo, subscription):
    seats.assign(subscription=subscription, members=[cleo], by=acting(ana), at=timezone.now())
    return leave(ana, at=timezone.now())


@pytest.fixture
def token(task):
    return links.sign(task.subscription, task.member)


def url(token, action="", **more):
    return reverse(f"leaver-{action}" if action else "leaver", kwargs={"token": token, **more})


def gone(answer):
    return answer.status_code == 404 and "This link leads nowhere" in answer.text


def test_the_leaver_and_the_admins_are_told_with_the_link(task, admin):
    leaver_letters.deliver(task_id=task.pk, before_charge=False, **POST)
    to_admin, to_leaver = mail.outbox
    assert (to_admin.to, to_leaver.to) == ([admin.user.email], [task.member.user.email])
    for told in ("1 of 2 seats are in use", "$19.98", "renews on their card", f"/admin/commerce/leavertask/{task.pk}/"):
        assert told in to_admin.body
    assert "/leaver/" not in to_admin.body
    [link] = re.findall(r"https://seatwise\.example(/leaver/\S+/)", to_leaver.body)
    assert Client().get(link).status_code == 200
    leaver_letters.deliver(task_id=task.pk, before_charge=True, **POST)
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 4


def test_once_decided_the_leaver_alone_is_warned_and_once_back_nobody(task, ana, admin):
    decisions.decide(task=task, choice="keep", by=acting(admin), at=timezone.now())
    leaver_letters.deliver(task_id=task.pk, before_charge=True, **POST)
    assert [letter.to for letter in mail.outbox] == [[ana.user.email]]
    come_back(ana, at=timezone.now())
    leaver_letters.deliver(task_id=task.pk, before_charge=True, **POST)
    assert len(mail.outbox) == 1


def test_the_page_shows_what_is_charged_and_billed_and_nothing_of_others(token, cleo):
    page = Client().get(url(token))
    for told in (
        "Power BI Pro",
        "$19.98",
        "Visa •••• 4242",
        Invoice.objects.get().number,
        "Turn off automatic renewal",
    ):
        assert told in page.text
    for hidden in ("Cleo", "Contoso", cleo.user.email):
        assert hidden not in page.text
    assert "noindex" in page["X-Robots-Tag"]
    assert "no-store" in page["Cache-Control"]


def test_a_bill_comes_as_pdf_but_only_ones_own(token, cleo, plan):
    buy(cleo, plan, 1, timezone.now())
    own, other = Invoice.objects.order_by("issued_at", "pk")
    answer = Client().get(url(token, "invoice-pdf", invoice_id=own.pk))
    assert answer.content.startswith(b"%PDF")
    assert Client().get(url(token, "invoice-pdf", invoice_id=other.pk)).status_code == 404


def test_turning_renewal_off_is_a_button_and_nothing_else(token):
    assert Client().get(url(token, "renewal")).status_code == 405
    assert Subscription.objects.get().auto_renew
    assert Client(enforce_csrf_checks=True).post(url(token, "renewal")).status_code == 403
    page = Client().post(url(token, "renewal"), follow=True)
    assert "Nothing is charged any more" in page.text
    assert not Subscription.objects.get().auto_renew


def test_canceling_gives_back_what_the_page_showed(token):
    browser = Client()
    shown = browser.get(url(token)).context["shown"]
    assert browser.post(url(token, "cancel"), {"shown": shown}).status_code == 400
    assert browser.post(url(token, "cancel"), {"reason": "Gone", "shown": "forged"}).status_code == 400
    assert Subscription.objects.get().state == "active"
    page = browser.post(url(token, "cancel"), {"reason": "Gone", "shown": shown}, follow=True)
    assert "Canceled." in page.text
    assert Subscription.objects.get().state == "disabled"
    assert len(ledger.refunded()) == 1
    assert all_is_well()


def test_a_link_that_leads_nowhere_is_always_answered_alike(token, task, subscription):
    other_salt = signing.dumps([str(subscription.pk), str(task.member.pk)], salt="another.purpose")
    not_pairs = [signing.dumps(value, salt=links.SALT) for value in ("x", ["x", "y"], [1, 2], None)]
    answers = [Client().get(url(bad)) for bad in (token[:-1], f"x{token}", "x", other_salt, *not_pairs)]
    answers += [Client().post(url(token[:-1], "renewal"))]
    assert all(gone(answer) for answer in answers)
    assert len({answer.text for answer in answers}) == 1
    assert Subscription.objects.get().auto_renew


def test_a_link_holds_for_ninety_days(token):
    with time_machine.travel(timezone.now() + timedelta(days=89), tick=False):
        assert Client().get(url(token)).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        assert gone(Client().get(url(token)))


def test_a_link_ends_when_the_leaver_is_back_or_somebody_else_pays(token, task, ana, cleo, admin):
    come_back(ana, at=timezone.now())
    assert gone(Client().get(url(token)))
    leave(ana, at=timezone.now())
    assert Client().get(url(token)).status_code == 200
    accept(offer(task.subscription, cleo, at=timezone.now(), by=acting(admin)), at=timezone.now())
    for answer in (Client().get(url(token)), Client().post(url(token, "renewal"))):
        assert gone(answer)
    assert Subscription.objects.get().auto_renew


def test_a_link_of_one_leaver_opens_nothing_of_another(task, plan):
    other = MembershipFactory(tenant=task.tenant)
    forged = links.sign(task.subscription, other)  # whoever it names does not pay for it
    assert gone(Client().get(url(forged)))


def test_somebody_who_opens_pages_too_fast_waits(token):
    browser = Client(REMOTE_ADDR="192.0.2.77")
    answers = [browser.get(url("x")).status_code for _ in range(61)]
    assert (answers[59], answers[60]) == (404, 429)
    assert browser.get(url(token)).headers["Retry-After"]
    assert LeaverTask.objects.open().exists()
