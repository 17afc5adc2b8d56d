"""Each deed that many rows can be chosen for: everybody tries it on its page and by its call, right in all but who."""

import re

from django.contrib.admin import site

from tenants.procurement_bulk import BulkActions
from tenants.runs.deeds import DEEDS as REGISTERED
from tenants.runs.models import Run
from tests.made_once import each, undone
from tests.roles.deeds import DEEDS
from tests.roles.people import WHO
from tests.roles.stage import OnStage, Stage

# What a page that has shown what would come of it says again with its button.
SHOWN = re.compile(r'name="(shown|seen)" value="([^"]+)"')


def test_every_deed_has_an_act():
    named = {name for name, deed in REGISTERED.items() if not deed.work.__module__.startswith("tests.")}
    assert named == {each.deed for each in DEEDS}, "name the new deed in tests/roles/deeds.py, or take the old one out"


def test_every_list_that_offers_a_deed_is_tried():
    lists = {
        (f"/admin/{model._meta.app_label}/{model._meta.model_name}/bulk/", action.deed)
        for model, page in site._registry.items()
        if isinstance(page, BulkActions)
        for action in page.bulk_actions
    }
    tried = {(act.page(None, None).partition("?")[0], act.deed) for act in DEEDS if act.deed in {d for _, d in lists}}
    assert lists == tried


def signed_by(caller, page, body):
    """The words that make a page's button right, or nothing for whom it is not shown."""
    answer = caller.call("POST", page, {**body, "preview": "yes"})
    return dict(SHOWN.findall(answer.content.decode())) if answer.status_code == 200 else {}


def did(act, caller, page, body, borrowed):
    """Whether it was done: by what the person was shown, else by what somebody else was."""
    before = set(Run.objects.values_list("pk", flat=True))
    shown = signed_by(caller, page, body) or borrowed
    answer = caller.call("POST", page, {**body, **shown, "confirm": "yes"})
    assert answer.status_code < 500, f"{act}: {answer.status_code}"
    made = Run.objects.exclude(pk__in=before)
    states = [state for run in made for state in run.rows.values_list("state", flat=True)]
    assert set(states) <= {"done"}, f"{act}: {list(made.values_list('rows__detail', flat=True))}"
    return bool(states)


@each("test_is_done_on_its_page_by_those_alone_who_may", DEEDS)
@each("test_is_done_by_call_by_those_alone_who_may", [act for act in DEEDS if act.call])
class TestEveryDeed(OnStage):
    def test_is_done_on_its_page_by_those_alone_who_may(self, act):
        world, may = Stage.world, set()
        with undone():
            row = act.row(world)
            page, body = act.page(world, row), act.body(world, row)
            [some, *_others] = sorted(act.audience)
            borrowed = signed_by(Stage.callers[some], page, body)
            assert borrowed, f"{some} is shown nothing"
            for who in WHO:
                with undone():
                    if did(act, Stage.callers[who], page, body, borrowed):
                        may.add(who)
        assert may == act.audience

    def test_is_done_by_call_by_those_alone_who_may(self, act):
        world, may, call = Stage.world, set(), act.call
        with undone():
            url, body = call.url(world), call.body(world)
            for who in WHO:
                with undone():
                    answer = Stage.callers[who].call(call.method, url, body)
                if answer.status_code in {200, 201, 202, 204}:
                    may.add(who)
                else:
                    assert answer.status_code in {401, 403, 404, 409}, f"{who}: {answer.content.decode()}"
        assert may == call.audience

    def test_the_words_of_another_are_worth_nothing(self):
        """The control: somebody who may, with what was shown to somebody else."""
        act, world = DEEDS[0], Stage.world
        row = act.row(world)
        page, body = act.page(world, row), act.body(world, row)
        borrowed = signed_by(Stage.callers["global_admin"], page, body)
        billing = Stage.callers["billing_admin"]
        runs = Run.objects.count()
        assert billing.call("POST", page, {**body, **borrowed, "confirm": "yes"}).status_code == 400
        assert Run.objects.count() == runs
        assert did(act, billing, page, body, borrowed)
