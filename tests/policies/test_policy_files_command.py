"""Files of policies from the command line."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from policies.models import Policy
from tests.policies.filed import FILE

pytestmark = pytest.mark.django_db


def run(*args):
    out = io.StringIO()
    call_command("policy", *args, stdout=out)
    return out.getvalue()


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "policies.yaml"
        path.write_text(FILE)
        return str(path)

    def test_plan_tells_and_only_drift_fails_where_something_differs(self, contoso, file):
        assert "contoso: CFQ7TTC0H9MP: - -> enabled" in run("plan", file)
        assert json.loads(run("plan", file, "--json"))["count"] == 7
        for drifting in (["drift", file], ["plan", file, "--drift"]):
            with pytest.raises(CommandError) as failed:
                run(*drifting)
            assert failed.value.returncode == 1
        assert run("apply", file, "--dry-run") == run("plan", file)
        assert not Policy.objects.exists()

    def test_apply_makes_it_so_that_nothing_drifts(self, contoso, file):
        assert "7 changed." in run("apply", file, "--reason", "Budget")
        assert run("drift", file) == run("plan", file) == "Nothing differs.\n"
        assert set(Policy.objects.values_list("reason", flat=True)) == {"Budget"}

    def test_export_prints_a_file_that_plan_finds_equal(self, contoso, file, tmp_path):
        run("apply", file)
        path = tmp_path / "exported.yaml"
        for options in ([], ["--json"]):
            path.write_text(run("export", "contoso", *options))
            assert run("plan", str(path), "--prune") == "Nothing differs.\n"

    def test_a_bad_file_exits_1_with_its_line(self, contoso, tmp_path):
        path = tmp_path / "bad.yaml"
        path.write_text("tenants:\n  nobody: {}\n")
        with pytest.raises(CommandError, match=r"bad\.yaml:2: There is no tenant") as failed:
            run("apply", str(path))
        assert failed.value.returncode == 1
