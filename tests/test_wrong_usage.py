"""Wrong usage of a command of ours exits 2 with what is wrong on stderr, and nothing is begun."""

import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class

from tenants.management.operator_command import OperatorCommand

OURS = ("tenants", "licensing", "policies", "commerce")
COMMANDS = {name: app for name, app in get_commands().items() if app in OURS}
# What each needs before anything else is looked at; the words themselves are never found.
NEEDS = {
    "buy_centrally": ["nobody", "none", "1"],
    "export_purchases": ["nobody"],
    "import_capacity": ["nobody", "none.csv"],
    "import_usage": ["nobody", "none.csv"],
    "issue_token": ["nobody@nowhere.example"],
    "load_catalogue": ["none.yaml"],
    "load_markets": ["none.csv"],
    "load_tax_rates": ["none.csv"],
    "move_clock": ["nobody", "--by", "1 day"],
    "policy": ["list", "nobody"],
    "reset_second_factor": ["nobody@nowhere.example", "--reason", "Lost"],
    "set_seller": ["nobody", "--prefix", "NO", "--name", "Nobody", "--country", "DE"],
}


def shell(name, *arguments):
    return load_command_class(COMMANDS[name], name).run_from_argv(["manage.py", name, *arguments])


def refused(capsys, name, *arguments):
    """No database is let in: what is wrong is found before anything is read."""
    with pytest.raises(SystemExit) as ended:
        shell(name, *arguments)
    printed = capsys.readouterr()
    assert printed.out == ""
    return ended.value.code, printed.err


def commands(which=lambda command: True):
    found = {name: load_command_class(app, name) for name, app in COMMANDS.items()}
    return sorted(name for name, command in found.items() if which(command))


def test_every_command_of_ours_is_one_of_the_operators():
    assert commands(lambda command: not isinstance(command, OperatorCommand)) == ["migrate"]


@pytest.mark.parametrize("name", commands())
def test_an_option_that_does_not_exist(capsys, name):
    code, said = refused(capsys, name, *NEEDS.get(name, ()), "--surprise")
    assert (code, "--surprise" in said) == (2, True)


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_an_argument_that_is_missing(capsys, name):
    code, said = refused(capsys, name, *NEEDS[name][:-1])
    assert (code, "required" in said or "expected one argument" in said) == (2, True)


@pytest.mark.parametrize("name", commands(lambda command: getattr(command, "takes_at", False)))
def test_a_moment_that_is_none(capsys, name):
    code, said = refused(capsys, name, *NEEDS.get(name, ()), "--at", "yesterday")
    assert (code, "'yesterday' is no ISO time" in said) == (2, True)


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_bytes_that_are_no_text(capsys, monkeypatch, name):
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    words = NEEDS[name]
    # The last word of it that is free text.
    at = {"buy_centrally": 1, "move_clock": 0, "set_seller": 4}.get(name, len(words) - 1)
    code, said = refused(capsys, name, *words[:at], "a\udcff", *words[at + 1 :])
    assert (code, "not readable as text" in said) == (2, True)


PRINTS_MUCH = """
import django
django.setup()
from tenants.management.operator_command import OperatorCommand
class Long(OperatorCommand):
    def perform(self, **options):
        return "x" * 1_000_000
Long().run_from_argv(["manage.py", "long"])
"""


def test_of_what_nobody_reads_on_a_sentence_is_told_and_no_traceback():
    running = subprocess.Popen([sys.executable, "-c", PRINTS_MUCH], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    said = running.stderr.read().decode()
    assert (running.wait(timeout=60), said) == (1, "Nobody reads what is printed.\n")
