"""The sweeps and the post of notices, for tests."""

from django.core import mail

from commerce.models import Notice, NoticePace, NoticeTopic
from commerce.operations.letters import notice_letters
from commerce.operations.notices import digests, readers, wishes, writing
from commerce.operations.notices.readers import Wish
from tenants.delivery.models import Job
from tenants.journal import events


def walk(at):
    """What the sweep does, after everything has its position."""
    events.sequence_waiting()
    return writing.write(at=at)


def digest(at):
    return digests.send_due(at=at)


def post(at):
    """The letters that wait, each once: to whom, and about what."""
    mail.outbox.clear()
    for job in Job.objects.filter(name=writing.JOB, done_at=None).order_by("created_at", "pk"):
        letter = job.arguments["letter_id"]
        notice_letters.deliver(letter_id=letter, site="https://s.example", sender="s@s.example", at=at)
        Job.objects.filter(pk=job.pk).update(done_at=at)
    return [(letter.to[0], letter.subject) for letter in mail.outbox]


def wish(by, at, topic, mail="off", in_app=False, amount=None):
    said = Wish(mail=NoticePace(mail), in_app=in_app, amount=amount)
    wishes.choose(wishes={NoticeTopic(topic): said}, by=by, at=at)


def nothing_but(by, at, topic, **said):
    """Told of one topic alone."""
    mine = readers.reader(by)
    for each in NoticeTopic:
        if each != topic and mine.may_choose(each):
            wish(by, at, each)
    wish(by, at, topic, **said)


def topics(user):
    """Of each notice of somebody, in the order of the journal."""
    return [set(notice.topics) for notice in Notice.objects.filter(user=user).order_by("event__place__position")]
