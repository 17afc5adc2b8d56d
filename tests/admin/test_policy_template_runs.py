"""A policy template for many customers, as a run: progress, outcomes, and a delegation that ends in the middle."""

import pytest
from django.utils import timezone

from licensing.models import Product
from policies.models import Policy
from policies.operations import policy_files
from tenants.access import actor_in
from tenants.directory.delegations import Delegation
from tenants.directory.models import Tenant
from tenants.directory.operations import delegations
from tenants.journal import events
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tenants.runs import operations as runs
from tenants.runs import rows, work
from tenants.runs.models import Run
from tests.callers import signed_in
from tests.factories import ProductFactory, TenantFactory, admin_of
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGE = "/admin/tenants/delegation/policies/"


@pytest.fixture
def pat():
    """A partner's person with three customers, in the order of their names."""
    partner, now = TenantFactory(name="Partnerworks"), timezone.now()
    for name in ("Customer A", "Customer B"):
        let_in(TenantFactory(name=name), partner=partner, at=now)
    return let_in(TenantFactory(name="Customer C"), partner=partner, at=now)


def customers(pat):
    return list(Tenant.objects.filter(delegations__partner=pat.delegation.partner).order_by("name"))


def template(products):
    return "products: {" + ", ".join(f"{product.pk}: disabled" for product in products) + "}"


def body(pat, text):
    return {"customers": [each.slug for each in customers(pat)], "template": text, "reason": "Agreed"}


def started(pat, count, browser=None):
    """By the page, as somebody does who has read what it changes."""
    browser = browser or signed_in(pat.member)
    sent = body(pat, template(ProductFactory.create_batch(count)))
    sent["seen"] = browser.post(PAGE, sent).context["seen"]
    answer = browser.post(PAGE, sent)
    assert answer.status_code == 302
    run = Run.objects.get()
    assert answer.headers["Location"] == f"/admin/tenants/run/{run.pk}/change/"
    return run


def outcomes(run):
    return list(run.rows.order_by("position").values_list("state", "code", "detail"))


def one_more(run):
    """The next row, as a worker does it."""
    rows.do(run, rows.next_of(run, at=timezone.now()), at=timezone.now())


class TestHowMuch:
    def test_up_to_fifty_changes_are_made_at_once(self, pat):
        run = started(pat, 16)
        assert run.finished_at is not None
        assert outcomes(run) == [("done", "", "16 changes")] * 3
        assert Policy.objects.filter(value="disabled").count() == 48

    def test_more_are_made_in_the_background_and_a_page_shows_what_became_of_each(self, pat):
        browser = signed_in(pat.member)
        run = started(pat, 17, browser)
        assert (run.finished_at, Policy.objects.count()) == (None, 0)
        page = browser.get(f"/admin/tenants/run/{run.pk}/change/").content.decode()
        assert "0 of 3" in page
        assert all(customer.name in page for customer in customers(pat))
        work.continue_run(run.pk)
        assert "17 changes" in browser.get(f"/admin/tenants/run/{run.pk}/change/").content.decode()
        assert Policy.objects.filter(value="disabled").count() == 51

    def test_the_page_says_how_much_it_is_before(self, pat):
        shown = signed_in(pat.member).post(PAGE, body(pat, template(ProductFactory.create_batch(60))))
        page = shown.content.decode()
        assert "180 changes in all, customers: 3." in page
        assert "And 10 more." in page
        assert "in the background" in page

    def test_where_nothing_changes_there_is_no_button(self, pat):
        started(pat, 1)
        again = body(pat, template([Policy.objects.first().product]))
        assert signed_in(pat.member).post(PAGE, again).context["seen"] == ""

    def test_pressed_twice_it_is_one_run(self, pat):
        browser, sent = signed_in(pat.member), body(pat, template([ProductFactory()]))
        sent["seen"] = browser.post(PAGE, sent).context["seen"]
        first, second = browser.post(PAGE, sent), browser.post(PAGE, sent)
        assert first.headers["Location"] == second.headers["Location"]
        assert (Run.objects.count(), Event.objects.filter(type="policy.changed").count()) == (1, 3)


class TestTheJournal:
    def test_of_each_customer_says_it_under_the_persons_name_and_the_partners_that_it_was_asked_for(self, pat):
        run = started(pat, 1)
        changes = Event.objects.filter(type="policy.changed")
        assert {(event.tenant, event.actor, event.on_behalf_of) for event in changes} == {
            (customer, pat.user, pat.delegation.partner) for customer in customers(pat)
        }
        asked = Event.objects.filter(subject=str(run.pk))
        assert {event.tenant for event in asked} == {pat.delegation.partner}
        customer = customers(pat)[0]
        events.sequence(customer.pk)
        journal = signed_in(admin_of(customer).membership).get("/admin/tenants/event/").content.decode()
        assert "Pat Partner (Partnerworks)" in journal


class TestADelegationThatEndsInTheMiddle:
    @pytest.fixture
    def run(self, pat):
        run = started(pat, 20)
        one_more(run)
        return run

    def by_time(self, pat):
        past = timezone.now()
        Delegation.objects.filter(tenant__name="Customer B").update(granted_at=pat.member.created_at, ends_at=past)

    def by_the_customer(self, pat):
        found = Delegation.objects.get(tenant__name="Customer B")
        delegations.revoke(delegation=found, by=admin_of(found.tenant), at=timezone.now())

    @pytest.mark.parametrize("how", ["by_time", "by_the_customer"])
    def test_stops_there_from_that_moment_on_and_says_so(self, pat, run, how):
        getattr(self, how)(pat)
        work.continue_run(run.pk)
        first, second, third = outcomes(run)
        assert (first[0], third[0]) == ("done", "done")
        assert second == ("refused", "delegation_is_over", "The delegation is over: nothing was changed here.")
        one, two, three = customers(pat)
        assert {policy.tenant for policy in Policy.objects.all()} == {one, three}
        assert not Event.objects.filter(tenant=two, type="policy.changed").exists()

    def test_goes_on_nowhere_once_the_person_has_left(self, pat, run):
        pat.member.state = "left"
        pat.member.save()
        work.continue_run(run.pk)
        assert [state for state, *_said in outcomes(run)] == ["done", "refused", "refused"]
        assert {policy.tenant for policy in Policy.objects.all()} == {customers(pat)[0]}


class TestWhatWasShown:
    def test_holds_nothing_where_it_would_change_something_else_by_now(self, pat):
        run = started(pat, 20)
        _first, second, _third = customers(pat)
        product = Product.objects.order_by("pk").first()
        text = f"tenants:\n  {second.slug}:\n    products: {{{product.pk}: approval_required}}\n"
        policy_files.apply(text=text, name="own", by=admin_of(second), at=timezone.now())
        work.continue_run(run.pk)
        assert [state for state, *_said in outcomes(run)] == ["done", "refused", "done"]
        assert outcomes(run)[1][1] == "changed_meanwhile"
        assert [policy.value for policy in Policy.objects.filter(tenant=second)] == ["approval_required"]

    def test_is_refused_above_ten_thousand_changes(self, pat, monkeypatch):
        monkeypatch.setattr(runs, "MOST_ROWS", 5)
        answer = signed_in(pat.member).post(PAGE, body(pat, template(ProductFactory.create_batch(2))))
        assert answer.status_code == 400
        assert "At most 10,000 changes" in answer.content.decode()


class TestWhoSeesAndDecides:
    def test_whoever_started_it_wherever_they_act_and_nobody_of_a_customer_or_another_partner(self, pat):
        run = started(pat, 20)
        page, browser = f"/admin/tenants/run/{run.pk}/change/", signed_in(pat.member)
        customer = customers(pat)[0]
        for tenant in (customer, pat.delegation.partner):
            browser.post("/acting-for/", {"tenant": tenant.slug})
            assert browser.get(page).status_code == 200
        for stranger in (admin_of(customer).membership, admin_of(TenantFactory()).membership):
            assert signed_in(stranger).get(page).status_code == 404
        colleague = let_in(TenantFactory(), partner=pat.delegation.partner, at=timezone.now()).member
        assert signed_in(colleague).get(page).status_code == 403

    def test_only_they_stop_it_also_while_they_act_in_a_customer(self, pat):
        run = started(pat, 20)
        boss = admin_of(pat.delegation.partner)
        assert Run.objects.visible_to(boss).get() == run
        with pytest.raises(NotAllowed):
            runs.stop(run=run, by=boss, at=timezone.now())
        browser = signed_in(pat.member)
        browser.post("/acting-for/", {"tenant": customers(pat)[0].slug})
        browser.post(f"/admin/tenants/run/{run.pk}/stop/")
        assert run.counts()["left"] == 3
        assert not Policy.objects.exists()

    def test_a_run_of_an_organisation_stays_there(self, pat):
        """The other side: what somebody does in one customer is nothing that they see in another."""
        first, second, _third = customers(pat)
        by = actor_in(pat.user, first.pk)
        Run.objects.create(
            tenant=first, deed="commerce.stop_renewal", started_by=pat.user, size=1, created_at=timezone.now()
        )
        assert Run.objects.visible_to(by).count() == 1
        assert not Run.objects.visible_to(actor_in(pat.user, second.pk)).exists()
