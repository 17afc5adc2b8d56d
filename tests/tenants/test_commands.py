import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.utils import timezone

from config.manage import Commands
from tenants.access import SCOPES
from tenants.directory.models import MemberState
from tenants.management import operator_command
from tenants.refusal import BadInput, Refused
from tenants.signin.tokens import AccessToken
from tests.callers import Api
from tests.factories import GuestFactory, MembershipFactory, OperatorFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return MembershipFactory(roles=["global_admin"])


def run(capsys, *arguments):
    call_command("issue_token", *arguments)
    return capsys.readouterr().out


def acts(raw):
    return Api().get("members/", headers={"Authorization": f"Bearer {raw}"})


# --- issue_token


def test_prints_a_token_and_nothing_else(capsys, member):
    printed = run(capsys, member.user.email.upper())
    assert len(printed.split()) == 1
    assert acts(printed.strip()).status_code == 200
    token = AccessToken.objects.get()
    assert token.scope.split() == list(SCOPES)
    assert timedelta(days=29) < token.expires - timezone.now() <= timedelta(days=30)
    assert token.token == ""


def test_as_json(capsys, member):
    assert acts(json.loads(run(capsys, member.user.email, "--json"))["token"]).status_code == 200


def test_for_another_tenant_with_some_scopes_for_some_days(capsys, member):
    guest = GuestFactory(user=member.user)
    run(capsys, member.user.email, "--tenant", guest.tenant.slug, "--scopes", "events:read members:read", "--days", "2")
    token = AccessToken.objects.get()
    assert token.acting.tenant == guest.tenant
    assert token.scope == "events:read members:read"
    assert token.expires - timezone.now() <= timedelta(days=2)


def test_an_operators_token_acts_in_no_tenant(capsys):
    run(capsys, OperatorFactory().email)
    assert AccessToken.objects.get().acting.tenant is None


def people():
    yield "nobody@nowhere.test", []
    yield MembershipFactory(state=MemberState.DISABLED).user.email, []
    yield MembershipFactory().user.email, ["--tenant", TenantFactory().slug]
    yield MembershipFactory().user.email, ["--tenant", "none-such"]
    yield GuestFactory(user=UserFactory()).user.email, []
    yield OperatorFactory().email, ["--tenant", TenantFactory().slug]


def test_refuses_people_who_may_not_act_there():
    for email, options in people():
        with pytest.raises(CommandError) as refused:
            call_command("issue_token", email, *options)
        assert refused.value.returncode == 1
        assert str(refused.value)
    assert not AccessToken.objects.exists()


def test_refuses_demo_people_outside_the_demo(settings):
    member = MembershipFactory(user=UserFactory(is_demo=True))
    settings.DEMO = False
    with pytest.raises(CommandError):
        call_command("issue_token", member.user.email)


def test_bytes_that_are_no_text_are_wrong_usage():
    with pytest.raises(CommandError) as refused:
        call_command("issue_token", "a\udcff@b.test")
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    "wrong",
    [[], ["a@b.test", "--days", "0"], ["a@b.test", "--days", "x"], ["a@b.test", "--scopes", "everything"],
     ["a@b.test", "--scopes", ""], ["a@b.test", "--surprise"]],
)  # fmt: skip
def test_wrong_usage_exits_2(wrong):
    with pytest.raises(SystemExit) as ended:
        operator_command_line("issue_token", *wrong)
    assert ended.value.code == 2


def operator_command_line(name, *arguments):
    """As from the shell, in this process."""
    load_command_class("tenants", name).run_from_argv(["manage.py", name, *arguments])


def test_a_command_that_does_not_exist_is_wrong_usage(capsys):
    for words in (["nosuchcommand"], ["help", "nosuchcommand"]):
        with pytest.raises(SystemExit) as end:
            Commands(["manage.py", *words]).execute()
        assert end.value.code == 2
        assert "Unknown command: 'nosuchcommand'" in capsys.readouterr().err


def test_refused_from_the_shell_exits_1_with_the_reason_alone(capsys, monkeypatch):
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    with pytest.raises(SystemExit) as ended:
        operator_command_line("issue_token", "nobody@nowhere.test")
    printed = capsys.readouterr()
    assert ended.value.code == 1
    assert printed.out == ""
    assert printed.err.strip() == "Nobody with this e-mail address may act there now."


# --- what all commands share


class Toy(operator_command.OperatorCommand):
    takes_at = True
    changes_many = True

    def __init__(self, work, **kwargs):
        super().__init__(**kwargs)
        self.work = work

    def perform(self, **options):
        return self.work(self, options)


def shell(capsys, monkeypatch, work, *arguments):
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    code = 0
    try:
        Toy(work).run_from_argv(["manage.py", "toy", *arguments])
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    return code, printed.out, printed.err


ROWS = [
    {"product": "Power BI", "seats": 2, "open": True},
    {"product": "X", "seats": None, "ends": datetime(2026, 1, 1, tzinfo=UTC)},
]


def test_prints_a_table_or_json(capsys, monkeypatch):
    code, table, _ = shell(capsys, monkeypatch, lambda *_: ROWS)
    assert code == 0
    assert table.splitlines() == [
        "product   seats  open  ends",
        "Power BI  2      yes",
        "X                      2026-01-01T00:00:00+00:00",
    ]
    _, printed, _ = shell(capsys, monkeypatch, lambda *_: ROWS, "--json")
    assert json.loads(printed)[1] == {"product": "X", "seats": None, "ends": "2026-01-01T00:00:00Z"}
    _, lines, _ = shell(capsys, monkeypatch, lambda *_: {"added": 1, "unchanged": 20})
    assert lines.splitlines() == ["added      1", "unchanged  20"]
    _, nothing, _ = shell(capsys, monkeypatch, lambda *_: [], "--json")
    assert json.loads(nothing) == []
    assert shell(capsys, monkeypatch, lambda *_: [])[:2] == (0, "Nothing.\n")


@pytest.mark.parametrize(
    "given, at",
    [
        ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026-03-31T09:00:00Z", datetime(2026, 3, 31, 9, tzinfo=UTC)),
        ("2026-03-31T09:00+02:00", datetime(2026, 3, 31, 7, tzinfo=UTC)),
    ],
)
def test_the_moment_may_be_given(capsys, monkeypatch, given, at):
    seen = []
    shell(capsys, monkeypatch, lambda _self, options: seen.append(options["at"]), "--at", given)
    assert seen == [at]
    for none in ("tomorrow", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:00"):
        assert shell(capsys, monkeypatch, lambda *_: None, "--at", none)[0] == 2


def test_the_moment_is_now_unless_given(capsys, monkeypatch):
    seen = []
    shell(capsys, monkeypatch, lambda _self, options: seen.append((options["at"], options["dry_run"])), "--dry-run")
    assert abs(seen[0][0] - timezone.now()) < timedelta(seconds=10)
    assert seen[0][1] is True


class NoSeatLeft(Refused):
    message = "All seats are taken."


@pytest.mark.parametrize(
    "raised, code, reason",
    [
        (NoSeatLeft(), 1, "All seats are taken."),
        (BadInput("No such thing.", field="columns"), 2, "columns: No such thing."),
        (operator_command.Stop("No tenant."), 1, "No tenant."),
        (operator_command.WrongUsage("Not both."), 2, "Not both."),
    ],
)
def test_each_refusal_has_its_exit_code(capsys, monkeypatch, raised, code, reason):
    def refuse(*_):
        raise raised

    assert shell(capsys, monkeypatch, refuse) == (code, "", reason + "\n")


def test_what_was_found_is_printed_before_it_fails(capsys, monkeypatch):
    def audit(command, _options):
        command.failed = True
        return [{"wrong": "seats"}]

    code, out, err = shell(capsys, monkeypatch, audit)
    assert (code, out.splitlines(), err) == (1, ["wrong", "seats"], "")
