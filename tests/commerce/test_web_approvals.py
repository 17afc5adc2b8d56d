"""Asking for an approval in the browser, and giving it."""

from html import unescape

import pytest
from celery import current_app
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from commerce.models import Payment
from commerce.models.sandbox import SandboxCharge
from policies.models import Approval, Approver
from tenants.delivery.models import Job
from tests.callers import Api, signed_in
from tests.commerce.pages import opened, pay
from tests.factories import DepartmentFactory, MembershipFactory, PolicyFactory, open_checkout
from tests.factories import pay as pay_as_buyer

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def asks(ana):
    return PolicyFactory(tenant=ana.tenant, value="approval_required")


@pytest.fixture
def boss(asks, ana):
    return MembershipFactory(tenant=ana.tenant, roles=["billing_admin"], name="Bo Boss")


@pytest.fixture
def cleo_approves(asks, ana, cleo):
    ana.department = DepartmentFactory(tenant=ana.tenant, name="Sales")
    ana.save()
    return Approver.objects.create(tenant=ana.tenant, department=ana.department, member=cleo)


@pytest.fixture
def waiting(boss, ana, plan):
    return pay_as_buyer(open_checkout(ana, plan, 3, at=timezone.now()), at=timezone.now())


def approval():
    return Approval.objects.get()


def decide(who, **sent):
    url = reverse("my-approval-decide", args=[approval().pk])
    return signed_in(who).post(url, sent, follow=True)


def work():
    """What a worker does of the jobs that wait."""
    for job in Job.objects.filter(done_at=None).order_by("created_at", "id"):
        current_app.tasks[job.name](str(job.pk))


class TestTheBuyer:
    def test_is_told_before_any_card_and_asks_with_one(self, boss, ana, plan):
        client = signed_in(ana)
        checkout, page = opened(client, plan)
        assert "Somebody has to approve this first" in page.text
        assert "Ask for approval" in page.text
        assert "Pay now" not in page.text
        page = pay(client, checkout)
        assert "Waiting for approval" in page.text
        assert "$19.98" in page.text
        assert "is charged at once" in page.text
        assert not Payment.objects.exists()

    def test_asks_without_a_card(self, boss, ana, plan):
        client = signed_in(ana)
        checkout, _page = opened(client, plan)
        page = pay(client, checkout, card="", no_card="1")
        assert "pay here, at this price" in page.text
        assert approval().state == "waiting"

    def test_whose_card_is_declined_reads_why_and_may_choose_another(self, boss, ana, plan):
        client = signed_in(ana)
        checkout, _page = opened(client, plan)
        page = pay(client, checkout, "pm_card_chargeDeclined")
        assert page.status_code == 402
        assert "Ask for approval" in page.text
        assert "Waiting for approval" in pay(client, checkout).text

    def test_whose_bank_has_to_agree_is_led_there_and_back(self, boss, ana, plan):
        client = signed_in(ana)
        checkout, _page = opened(client, plan)
        pay_url = reverse("checkout-pay", args=[checkout.pk])
        sent = {"quantity": 2, "payment_method": "pm_card_authenticationRequired"}
        step = client.post(pay_url, sent)
        assert "/sandbox/3ds/" in step["Location"]
        assert "Go to your bank" in client.get(reverse("checkout", args=[checkout.pk])).text
        back = client.post(step["Location"], {"decision": "approve"}, follow=True)
        assert "is charged at once" in back.text

    def test_withdraws_it(self, waiting, ana):
        page = signed_in(ana).post(reverse("checkout-withdraw", args=[waiting.pk]), follow=True)
        assert "Nothing was charged" in page.text
        assert approval().state == "withdrawn"

    def test_reads_who_declined_it_and_why(self, waiting, ana, boss):
        decide(boss, decline="1", message="Not this year")
        page = signed_in(ana).get(reverse("checkout", args=[waiting.pk]))
        assert "Your request was declined" in page.text
        assert "Not this year" in page.text

    def test_who_pays_by_hand_after_the_approval_is_not_charged_twice(self, waiting, ana, boss):
        decide(boss, approve="1", quantity=3)
        client = signed_in(ana)
        page = client.get(reverse("checkout", args=[waiting.pk]))
        assert "Pay now" in page.text
        waiting.refresh_from_db()
        assert "Purchase complete" in pay(client, waiting).text
        work()
        assert SandboxCharge.objects.using("sandbox").filter(customer=str(ana.pk)).count() == 1

    def test_reads_who_may_decide(self, waiting, ana, boss, cleo_approves, cleo):
        page = signed_in(ana).get(reverse("checkout", args=[waiting.pk])).text
        assert "Who may decide" in page
        assert boss.user.email in page
        assert cleo.user.email in page
        assert page.count("ana@contoso.example") == 0

    def test_reads_how_many_seats_are_approved_by_whom_and_what_another_number_means(self, boss, ana, plan):
        client = signed_in(ana)
        checkout, page = opened(client, plan, 5)
        assert "has to approve it again" not in page.text
        pay(client, checkout, card="", no_card="1")
        decide(boss, approve="1", quantity=2, message="Two will do")
        page = client.get(reverse("checkout", args=[checkout.pk])).text
        for words in ("2 of 5 seats approved", boss.user.email, "Two will do", "has to approve it again"):
            assert words in page
        checkout.refresh_from_db()
        assert "2 of 5 seats approved" in pay(client, checkout).text
        # Whoever looks at the list reads what was approved, beside what was asked for.
        listed = signed_in(boss).get(reverse("my-approvals")).text
        assert "$19.98" in listed
        assert "2 of 5 seats; asked for $49.95" in listed
        desk = unescape(signed_in(boss).get(reverse("admin:policies_approval_changelist")).text)
        assert "$19.98 for 2 of 5 seats" in desk
        told = Api(boss).get("approvals/").json()["results"][0]
        assert (told["total"]["amount"], told["approved_total"]["amount"]) == ("49.95", "19.98")

    def test_who_asks_again_on_an_old_page_loses_no_approval(self, boss, ana, plan):
        client = signed_in(ana)
        checkout, _page = opened(client, plan)
        pay(client, checkout, card="", no_card="1")
        decide(boss, approve="1", quantity=2)
        assert "Pay now" in pay(client, checkout, card="", no_card="1").text
        assert "Purchase complete" in pay(client, checkout).text

    def test_reads_by_e_mail_what_became_of_it(self, waiting, ana, boss):
        decide(boss, approve="1", quantity=2, message="Two will do")
        work()
        to = {letter.to[0]: letter for letter in mail.outbox if letter.subject.startswith(("Approved", "Bo", "Ana"))}
        assert "for $19.98" in to["ana@contoso.example"].body
        assert "Two will do" in to["ana@contoso.example"].body
        waiting.refresh_from_db()
        assert waiting.state == "completed"


class TestTheApprover:
    def test_is_told_by_e_mail_with_a_link(self, boss, cleo_approves, waiting, cleo, ana):
        work()
        asked = {letter.to[0] for letter in mail.outbox}
        assert asked == {boss.user.email, cleo.user.email}
        assert all(reverse("my-approval", args=[approval().pk]) in letter.body for letter in mail.outbox)

    def test_reads_what_asked_for_it_the_department_the_price_and_the_next_charge(self, cleo_approves, waiting, cleo):
        work()
        page = signed_in(cleo).get(reverse("my-approval", args=[approval().pk])).text
        told = "Product policy: needs approval", "Set for the whole organisation.", "Sales", "9.99"
        for text in (page, next(letter.body for letter in mail.outbox if letter.to == [cleo.user.email])):
            assert [words for words in told if words not in text] == []
            assert "othing is charged again" in text

    def test_named_for_a_department_finds_it_and_approves(self, cleo_approves, waiting, cleo, ana):
        client = signed_in(cleo)
        assert reverse("my-approvals") in client.get(reverse("catalogue")).text
        page = client.get(reverse("my-approvals"))
        assert "Ana Alvarez" in page.text
        assert "$29.97" in page.text
        page = client.get(reverse("my-approval", args=[approval().pk]))
        assert "Approve" in page.text
        done = decide(cleo, approve="1", quantity=2)
        assert "Approved. Ana Alvarez is told" in done.text
        assert (approval().state, approval().approved_quantity) == ("approved", 2)

    def test_types_no_more_seats_than_were_asked_for(self, waiting, boss):
        page = decide(boss, approve="1", quantity=4)
        assert page.status_code == 400
        assert "Approve 1 to 3 seats" in page.text
        assert approval().state == "waiting"

    def test_declines_without_a_number_of_seats(self, waiting, boss):
        assert "Declined." in decide(boss, decline="1", message="No").text

    def test_reads_which_rule_forbids_it_by_now(self, waiting, boss, asks):
        asks.value = "disabled"
        asks.save()
        page = decide(boss, approve="1", quantity=3)
        assert page.status_code == 403
        assert "does not allow its people to buy this product" in page.text
        work()
        assert "It can't be approved now" in mail.outbox[-1].subject

    def test_has_no_form_for_their_own(self, boss, plan):
        MembershipFactory(tenant=boss.tenant, roles=["global_admin"])
        pay_as_buyer(open_checkout(boss, plan, at=timezone.now()), at=timezone.now())
        page = signed_in(boss).get(reverse("my-approval", args=[approval().pk]))
        assert "somebody else has to decide it" in page.text
        assert "Decline" not in page.text
        assert decide(boss, approve="1", quantity=2).status_code == 403

    def test_is_nobody_without_a_name_or_a_role(self, waiting, cleo):
        for url in (reverse("my-approvals"), reverse("my-approval", args=[approval().pk])):
            assert signed_in(cleo).get(url).status_code == 403
        assert decide(cleo, approve="1", quantity=3).status_code == 403
        assert approval().state == "waiting"
