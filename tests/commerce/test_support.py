import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commerce.models import SupportCase, SupportMessage
from commerce.models.support import CaseKind
from commerce.operations import support
from commerce.operations.changes import cancellations
from commerce.operations.letters import support_letters
from licensing.models import Subscription
from licensing.operations import subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import race
from tests.callers import Api, signed_in
from tests.factories import NOON, GuestFactory, OperatorFactory, acting

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def operator():
    return Actor(user=OperatorFactory(email="operator@seatwise.example"))


@pytest.fixture
def case(ana, subscription):
    return ask(ana, subscription=subscription)


def ask(member, kind=CaseKind.QUESTION, **other):
    about = {"subject": "No data", "body": "My report stays empty.", **other}
    return support.open_case(kind=kind, by=acting(member), at=NOON, **about)


def said(case):
    return list(case.messages.order_by("at", "pk").values_list("from_support", "body"))


class TestAQuestion:
    def test_has_standard_support_and_waits(self, case):
        assert (case.kind, case.support, case.state) == ("question", "standard", "open")
        assert said(case) == [(False, "My report stays empty.")]
        [event] = Event.objects.of(case.tenant).filter(type="support_case.opened")
        assert event.data == {"kind": "question"}  # what was asked stands in the case alone

    def test_goes_back_and_forth_until_it_is_closed(self, ana, case, operator):
        assert support.answer(case=case, body="Refresh it.", by=operator, at=NOON).state == "answered"
        assert support.reply(case=case, body="Done, thanks.", by=acting(ana), at=NOON).state == "open"
        assert [body for _, body in said(case)] == ["My report stays empty.", "Refresh it.", "Done, thanks."]
        assert support.close(case=case, by=acting(ana), at=NOON).state == "closed"
        support.close(case=case, by=operator, at=NOON)
        for say in (
            lambda: support.reply(case=case, body="And?", by=acting(ana), at=NOON),
            lambda: support.answer(case=case, body="And?", by=operator, at=NOON),
        ):
            with pytest.raises(support.CaseClosed):
                say()
        assert len(said(case)) == 3

    def test_tells_by_mail_what_was_answered(self, ana, case, operator):
        support.answer(case=case, body="Refresh it.", by=operator, at=NOON)
        support_letters.deliver_answer(case_id=case.pk, site="https://s.example", sender="Seatwise <no@s.example>")
        [letter] = mail.outbox
        assert letter.to == [ana.user.email]
        assert letter.subject == "Answer: No data"
        assert "Refresh it." in letter.body
        assert f"https://s.example/my/support/{case.pk}/" in letter.body

    def test_is_answered_by_operators_alone(self, ana, cleo, admin, case):
        for member in (ana, cleo, admin):
            with pytest.raises(NotAllowed):
                support.answer(case=case, body="I know.", by=acting(member), at=NOON)
        for member in (cleo, admin):
            with pytest.raises(NotAllowed):
                support.reply(case=case, body="Me too.", by=acting(member), at=NOON)
            with pytest.raises(NotAllowed):
                support.close(case=case, by=acting(member), at=NOON)
        assert len(said(case)) == 1

    def test_is_not_asked_by_a_guest_or_without_words(self, ana):
        with pytest.raises(NotAllowed):
            ask(GuestFactory(tenant=ana.tenant))
        for wrong in ({"subject": " "}, {"body": "\n"}, {"body": "a\0b"}):
            with pytest.raises(BadInput):
                ask(ana, **wrong)
        assert not SupportCase.objects.exists()

    def test_is_one_of_twenty_at_most_that_are_not_closed(self, ana, operator):
        cases = [ask(ana) for _ in range(support.MOST_UNSETTLED)]
        with pytest.raises(support.TooManyOpenCases):
            ask(ana)
        support.close(case=cases[0], by=operator, at=NOON)
        ask(ana)


class TestTheEndOfASubscription:
    def test_is_asked_by_an_admin_and_done_by_an_operator(self, admin, subscription, operator):
        case = ask(admin, CaseKind.END_SUBSCRIPTION, subscription=subscription)
        support.end_subscription(case=case, by=operator, at=subscription.created_at)
        subscription.refresh_from_db()
        assert subscription.state == "disabled"
        [event] = Event.objects.of(case.tenant).filter(type="subscription.canceled")
        assert event.actor == operator.user
        case.refresh_from_db()
        assert case.state == "closed"
        assert said(case) == [(False, "My report stays empty."), (True, "The subscription was canceled.")]
        assert Job.objects.filter(name="commerce.deliver_support_answer").count() == 1
        with pytest.raises(support.CaseClosed):
            support.end_subscription(case=case, by=operator, at=NOON)
        assert len(said(case)) == 2

    def test_that_has_ended_already_leaves_the_case_as_it_is(self, ana, admin, subscription, operator):
        case = ask(admin, CaseKind.END_SUBSCRIPTION, subscription=subscription)
        cancellations.cancel_subscription(
            subscription=subscription, reason="", by=acting(ana), at=subscription.created_at
        )
        with pytest.raises(SubscriptionInactive):
            support.end_subscription(case=case, by=operator, at=subscription.created_at)
        case.refresh_from_db()
        assert (case.state, len(said(case))) == ("open", 1)

    def test_is_done_by_operators_in_a_case_alone(self, subscription, operator):
        for act in (
            lambda: cancellations.cancel_subscription(subscription=subscription, reason="", by=operator, at=NOON),
            lambda: cancellations.preview_cancellation(subscription=subscription, by=operator, at=NOON),
            lambda: subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=operator, at=NOON),
            lambda: subscriptions.set_auto_renew(subscription=subscription, auto_renew=True, by=operator, at=NOON),
        ):
            with pytest.raises(NotAllowed):
                act()
        subscription.refresh_from_db()
        assert (subscription.state, subscription.auto_renew) == ("active", True)

    def test_is_not_asked_by_a_colleague_nor_without_naming_it(self, cleo, admin, subscription):
        with pytest.raises(NotAllowed):
            ask(cleo, CaseKind.END_SUBSCRIPTION, subscription=subscription)
        with pytest.raises(BadInput):
            ask(admin, CaseKind.END_SUBSCRIPTION)
        assert not SupportCase.objects.exists()

    def test_is_not_done_by_an_admin_nor_for_a_question(self, ana, admin, subscription, operator, case):
        wanted = ask(admin, CaseKind.END_SUBSCRIPTION, subscription=subscription)
        with pytest.raises(NotAllowed):
            support.end_subscription(case=wanted, by=acting(admin), at=NOON)
        with pytest.raises(support.NothingToEnd):
            support.end_subscription(case=case, by=operator, at=NOON)
        support.close(case=wanted, by=operator, at=NOON)
        wanted.refresh_from_db()
        with pytest.raises(support.CaseClosed):
            support.end_subscription(case=wanted, by=operator, at=NOON)
        assert Subscription.objects.get().state == "active"


class TestByApi:
    def test_asks_reads_replies_and_closes(self, api, subscription):
        body = {"subject": "No data", "body": "It is empty.", "subscription": str(subscription.pk)}
        answer = api.post("support-cases/", body)
        assert answer.status_code == 201
        case = answer.json()
        assert (case["kind"], case["support"], case["state"]) == ("question", "standard", "open")
        assert api.post(f"support-cases/{case['id']}/messages/", {"body": "Still."}).status_code == 201
        assert [m["body"] for m in api.get(f"support-cases/{case['id']}/").json()["messages"]] == [
            "It is empty.",
            "Still.",
        ]
        assert api.post(f"support-cases/{case['id']}/close/", {}).json()["state"] == "closed"
        assert api.post(f"support-cases/{case['id']}/messages/", {"body": "x"}).json()["code"] == "case_closed"
        assert [c["id"] for c in api.get("support-cases/?state=closed").json()["results"]] == [case["id"]]

    def test_knows_no_subscription_that_is_not_seen(self, cleo, subscription):
        body = {"subject": "Whose?", "body": "Tell me.", "subscription": str(subscription.pk)}
        [error] = Api(cleo).post("support-cases/", body).json()["errors"]
        assert (error["field"], error["code"]) == ("subscription", "does_not_exist")

    def test_lists_with_the_same_queries_for_one_and_sixteen(self, ana, api):
        def queries():
            with CaptureQueriesContext(connection) as caught:
                assert api.get("support-cases/").status_code == 200
            return len(caught)

        ask(ana)
        one = queries()
        cases = [ask(ana) for _ in range(15)]
        SupportMessage.objects.bulk_create(
            SupportMessage(tenant=ana.tenant, case=c, author=ana.user, from_support=False, body="x", at=NOON)
            for c in cases
        )
        assert queries() == one


class TestOnPages:
    def test_a_question_and_its_answer(self, ana, subscription, operator):
        browser = signed_in(ana)
        asked = browser.post(
            reverse("my-support-new"),
            {"subscription": subscription.pk, "subject": "No data", "body": "It is empty."},
            follow=True,
        )
        assert "It is empty." in asked.content.decode()
        case = SupportCase.objects.get()
        desk = signed_in(operator.user)
        page = reverse("admin:commerce_supportcase_change", args=[case.pk])
        assert "It is empty." in desk.get(page).content.decode()
        assert desk.post(page, {"body": "  "}).status_code == 400
        assert "Answered" in desk.post(page, {"body": "Refresh it."}, follow=True).content.decode()
        shown = browser.get(reverse("my-support-case", args=[case.pk])).content.decode()
        assert "Refresh it." in shown
        assert "No data" in browser.get(reverse("my-support")).content.decode()

    def test_the_operators_button_ends_what_an_admin_wants_ended(self, admin, subscription, operator):
        case = ask(admin, CaseKind.END_SUBSCRIPTION, subscription=subscription)
        page = reverse("admin:commerce_supportcase_change", args=[case.pk])
        desk = signed_in(operator.user)
        assert desk.post(page, {"end": "1"}).status_code == 400  # nothing is ended that was not shown
        shown = desk.get(page, {"end": "1"})
        assert "Goes back" in shown.text
        assert "$19.98" in shown.text
        subscription.refresh_from_db()
        assert subscription.state == "active"
        desk.post(page, {"end": "1", "shown": shown.context["ending"]["shown"]})
        subscription.refresh_from_db()
        assert subscription.state == "disabled"

    def test_an_admin_asks_from_the_page_of_the_purchase(self, cleo, admin, subscription):
        desk = signed_in(admin)
        asking = f"{reverse('my-support-new')}?kind=end_subscription&subscription={subscription.pk}"
        page = desk.get(reverse("admin:commerce_purchase_change", args=[subscription.pk])).text
        assert asking.replace("&", "&amp;") in page
        form = desk.get(asking).context["form"]
        sent = {name: form[name].value() for name in ("subscription", "subject")}
        assert "End Power BI Pro" in sent["subject"]
        assert desk.post(asking, {**sent, "body": ""}).status_code == 400
        desk.post(asking, {**sent, "body": "Nobody uses it."})
        case = SupportCase.objects.get()
        assert (case.kind, case.subscription_id, case.member) == ("end_subscription", subscription.pk, admin)
        # A colleague does not even see it.
        assert signed_in(cleo).get(asking).status_code == 404
        assert signed_in(admin).get(asking.replace(str(subscription.pk), "x")).status_code == 404

    def test_a_colleagues_case_is_as_one_that_never_was(self, cleo, case):
        for name in ("my-support-case", "my-support-reply", "my-support-close"):
            url = reverse(name, args=[case.pk])
            call = signed_in(cleo).get if name == "my-support-case" else signed_in(cleo).post
            assert call(url).status_code == 404

    def test_a_question_without_words_keeps_what_was_typed(self, ana):
        page = signed_in(ana).post(reverse("my-support-new"), {"subject": "Only this", "body": ""})
        assert page.status_code == 400
        assert "Only this" in page.content.decode()
        assert not SupportCase.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_twenty_people_at_once_cannot_pass_the_limit(ana):
    for _ in range(support.MOST_UNSETTLED - 2):
        ask(ana)
    won = race.race(lambda _: ask(ana), range(8), refused=support.TooManyOpenCases)
    assert (won, SupportCase.objects.count()) == (2, support.MOST_UNSETTLED)
