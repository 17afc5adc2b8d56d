"""The pages that give seats to many: what they show of each person, the button, and what came of it."""

from licensing.models import Seat
from tenants.runs.models import Run
from tests.admin.pages import RUNS, opened


def sitting(purchase):
    return set(Seat.objects.open().filter(subscription=purchase).values_list("member", flat=True))


def shown(browser, page, sent):
    """What somebody sees who has chosen people."""
    answer = browser.post(page, sent)
    assert answer.status_code == 200, answer.text
    return answer


def confirm(browser, answer, page, **more):
    """The button of a page that was shown."""
    said = {"subjects": answer.context["subjects"], "shown": answer.context["shown"], "confirm": "yes"}
    return browser.post(page, {**said, **more})


def given(browser, page, sent):
    """Chosen, shown and confirmed; the run that came of it."""
    answer = confirm(browser, shown(browser, page, sent), page)
    run = Run.objects.latest("created_at")
    assert answer.url == opened(RUNS, run)
    return run


def told(answer):
    """What would come of each."""
    preview = answer.context["preview"]
    found = [*preview["done"], *preview["unchanged"], *preview["refused"]]
    return {line.subject: str(line.outcome or line.unchanged or line.refused) for line in found}


def counted(answer):
    """How many would get a seat, have one already, and would get none."""
    preview = answer.context["preview"]
    return (preview["done_count"], preview["unchanged_count"], preview["refused_count"])


def outcomes(run):
    return dict(run.rows.values_list("subject", "detail"))


def key(person):
    return str(person.pk)


GETS, HAS, NONE_LEFT = "Gets a seat.", "Has a seat already, and keeps it.", "All seats of this subscription are taken."
