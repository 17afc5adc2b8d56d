"""Doing one thing with many purchases: only what was shown, once, with what came of each."""

import pytest

from commerce.models import CancellationRequest
from commerce.operations.letters import policy_letters
from licensing.models import Subscription
from tenants.delivery.models import Job
from tenants.directory.models import RoleGrant
from tenants.journal.models import Event
from tenants.runs import operations as runs
from tenants.runs import work
from tenants.runs.models import Run
from tests import factories
from tests.admin.bulk.pressing import ALLOW, ASK, OFF, ON, choose, confirm, stopped
from tests.admin.pages import PURCHASES, RUNS, browser_of, opened
from tests.callers import signed_in
from tests.factories import admin_of, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestDoingIt:
    def test_is_done_once_with_a_page_that_tells_what_came_of_each(self, billing, many, contoso):
        page = choose(billing, many[:2])
        answer = confirm(billing, page)
        run = Run.objects.get()
        assert answer.url == opened(RUNS, run)
        assert stopped() == {many[0].pk, many[1].pk}
        text = billing.get(answer.url).content.decode()
        for said in ("Stop at renewal", "Finished", "2 of 2", "Done: 2", "Too dear"):
            assert said in text, said
        assert "http-equiv" not in text
        assert opened(PURCHASES, many[0]) in text
        # The same button once more: the same run.
        assert confirm(billing, page).url == answer.url
        assert (Run.objects.count(), Event.objects.filter(type="subscription.renewal_stopped").count()) == (1, 2)

    def test_needs_a_reason(self, billing, many):
        answer = confirm(billing, choose(billing, many), reason=" ")
        assert answer.status_code == 400
        assert "Say why, in a few words." in answer.content.decode()
        assert stopped() == set()

    def test_does_only_what_was_shown(self, billing, many):
        page = choose(billing, many[:1])
        answer = confirm(billing, page, subjects=",".join(str(row.pk) for row in many))
        assert (answer.status_code, stopped()) == (400, set())
        assert "This has changed since you looked" in answer.content.decode()
        assert confirm(billing, page, deed=ALLOW).status_code == 400
        assert confirm(billing, page, shown="made up").status_code == 400
        # What is shown now can be confirmed.
        assert confirm(billing, answer).status_code == 302
        assert len(stopped()) == 3

    def test_what_would_come_of_it_by_now_is_shown_anew(self, billing, many):
        page = choose(billing, many)
        Subscription.objects.filter(pk=many[0].pk).update(state="disabled")
        answer = confirm(billing, page)
        assert answer.status_code == 400
        assert "This has changed since you looked" in answer.content.decode()
        assert (stopped(), Run.objects.count()) == (set(), 0)
        # Time alone changes nothing, and a second press of the same button finds the run.
        for _press in range(2):
            assert confirm(billing, answer).status_code == 302
        assert (stopped(), Run.objects.count()) == ({one.pk for one in many[1:]}, 1)

    def test_what_somebody_else_was_shown_counts_for_nothing(self, billing, many, contoso):
        page = choose(billing, many)
        other = browser_of(contoso, "billing_admin")
        assert confirm(other, page).status_code == 400

    def test_a_role_that_is_gone_by_then_does_nothing(self, contoso, many):
        admin = admin_of(contoso, "billing_admin")
        browser = signed_in(admin.membership)
        page = choose(browser, many)
        RoleGrant.objects.filter(membership=admin.membership).delete()
        assert confirm(browser, page).status_code == 403
        assert stopped() == set()

    def test_tells_each_purchaser(self, billing, many, mailoutbox):
        confirm(billing, choose(billing, many[:1]))
        job = Job.objects.get(name="commerce.tell_stopped_renewal")
        policy_letters.deliver_stopped_renewal(**job.arguments, site="https://s.example", sender="s@s.example")
        [letter] = mailoutbox
        assert letter.to == [many[0].owner.user.email]
        assert "Why: Too dear" in letter.body

    def test_back_again_lets_their_owners_renew(self, billing, many):
        confirm(billing, choose(billing, many))
        page = choose(billing, many, deed=ALLOW)
        assert page.context["preview"]["done_count"] == 3
        confirm(billing, page, reason="We keep them")
        assert stopped() == set()
        assert not Subscription.objects.filter(auto_renew=True).exists()

    def test_turns_renewal_of_the_organisations_own_off_and_on(self, billing, many, contoso, plan, now):
        central = buy_centrally(factories.admin_of(contoso).membership, plan, at=now)
        page = choose(billing, [central, many[0]], deed=OFF)
        assert [str(line.refused) for line in page.context["preview"]["refused"]] == [
            "A person decides about its renewal. Stop it at renewal instead."
        ]
        confirm(billing, page)
        central.refresh_from_db()
        assert (central.auto_renew, Subscription.objects.get(pk=many[0].pk).auto_renew) == (False, True)
        assert Run.objects.get().counts() | {"done": 1, "refused": 1} == Run.objects.get().counts()
        confirm(billing, choose(billing, [central], deed=ON))
        central.refresh_from_db()
        assert central.auto_renew

    def test_asks_purchasers_to_cancel_with_words_that_need_no_second_look(self, billing, many):
        page = choose(billing, many[:2], deed=ASK)
        told = [str(line.outcome) for line in page.context["preview"]["done"]]
        assert told == [f"Ana {n} is asked, and reminded after 2 and 5 days." for n in (0, 1)]
        assert confirm(billing, page, message="We have seats for all.").status_code == 302
        asked = CancellationRequest.objects.all()
        assert {(row.subscription_id, row.message) for row in asked} == {
            (row.pk, "We have seats for all.") for row in many[:2]
        }
        page = choose(billing, many, deed=ASK)
        preview = page.context["preview"]
        assert [str(line.outcome) for line in preview["done"]] == ["Ana 2 is asked, and reminded after 2 and 5 days."]
        assert [line.unchanged for line in preview["unchanged"]] == ["Asked already; nobody is asked twice."] * 2
        confirm(billing, page)
        assert CancellationRequest.objects.count() == 3

    def test_of_more_than_fifty_goes_on_in_the_background(self, billing, many, monkeypatch):
        monkeypatch.setattr(runs, "DONE_AT_ONCE", 2)
        page = choose(billing, many)
        assert "It is done in the background." in page.content.decode()
        answer = confirm(billing, page)
        assert stopped() == set()
        text = billing.get(answer.url).content.decode()
        assert "Under way" in text
        assert 'http-equiv="refresh"' in text
        assert "0 of 3" in text
        work.continue_run(Run.objects.get().pk)
        assert len(stopped()) == 3
