"""The command, the API, the admin's page and the refusal page tell the same, for each code once."""

import json
from html import unescape

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from policies import eligibility, reasons, rules
from policies.explanation import ask, explain
from policies.models import Exclusion, Policy
from policies.operations.policies import set_product_policy
from tests.callers import Api, signed_in
from tests.factories import GuestFactory, MembershipFactory, PolicyFactory, admin_of, plan_on_sale
from tests.policies.situations import AUTHOR, SITUATIONS, said

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGE = "admin:policies_selfserviceproduct_explain"


@pytest.fixture
def plan():
    return plan_on_sale(product__name="Power BI Pro", product__slug="power-bi-pro")


@pytest.fixture
def ana(plan):
    return MembershipFactory(tenant__slug="contoso", user__email="ana@contoso.example", roles=[])


def by_command(capsys, member, product):
    capsys.readouterr()
    call_command("policy", "explain", member.user.email, product.slug, "--tenant", member.tenant.slug, "--json")
    told = json.loads(capsys.readouterr().out)
    return told["outcome"], [as_told(rule) for rule in told["rules"]]


def by_api(caller, member, product):
    told = Api(caller).get(f"products/{product.pk}/eligibility/?user={member.user.email}").json()
    return told["outcome"], [as_told(rule) for rule in told["rules"]]


def as_told(rule):
    source = {name: value or "" for name, value in rule["source"].items()}
    source["set_at"] = source["set_at"][:19]  # one writes Z, the other +00:00
    return {name: rule[name] or "" for name in ("rule", "title", "code", "detail", "would_pass")} | source


def by_function(member, product):
    _asked, answer = ask(member, product, at=timezone.now())
    told = explain(answer, in_full=True)
    lines = [
        {
            "rule": line.rule,
            "title": line.title,
            "code": line.code,
            "detail": line.detail,
            "would_pass": line.would_pass,
            "level": line.source.level,
            "id": line.source.id,
            "set_by": line.source.set_by,
            "set_at": line.source.set_at.isoformat()[:19] if line.source.set_at else "",
        }
        for line in told.lines
    ]
    return told.outcome, lines


def text_of(response):
    return unescape(response.content.decode())


def in_order(text, words):
    place = 0
    for word in words:
        place = text.index(word, place) + len(word)
    return True


@pytest.mark.parametrize("code", SITUATIONS)
def test_the_four_tell_the_same(ana, plan, capsys, code):
    happens, remedy, has_author = SITUATIONS[code]
    if code != "no_approver":
        reader = admin_of(ana.tenant, "global_admin").membership
    else:
        reader = admin_of(ana.tenant, "global_reader").membership
    happens(ana, plan)
    plan.product.refresh_from_db()
    ana.tenant.refresh_from_db()
    outcome, lines = by_function(ana, plan.product)
    [failed] = [line for line in lines if line["code"] == code]
    assert failed["would_pass"].startswith(remedy)
    assert (failed["set_by"] == AUTHOR) is has_author

    assert by_command(capsys, ana, plan.product) == (outcome, lines)
    assert by_api(reader, ana, plan.product) == (outcome, lines)

    asked = {"user": ana.user.email, "product": plan.product_id}
    page = signed_in(reader).get(reverse(PAGE), asked)
    assert page.status_code == 200
    titles = [line["title"] for line in lines]
    table = text_of(page).partition("<table")[2]
    assert in_order(table, titles)
    for word in (failed["detail"], failed["would_pass"], code):
        assert word in table
    assert (AUTHOR in table) is any(line["set_by"] == AUTHOR for line in lines)

    refusal = signed_in(ana).get(reverse("buy", args=[plan.pk]))
    assert refusal.status_code == 403
    why = text_of(refusal).partition("<details")[2]
    assert in_order(why, titles)
    # How much was spent is for those who read policies; the first sentence is for everybody.
    assert failed["detail"].partition(".")[0] in why
    assert failed["would_pass"] in why


def test_whoever_may_not_read_policies_is_not_told_who_and_which_row(ana, plan):
    said("disabled")(ana, plan)
    row = Policy.objects.get()
    page = text_of(signed_in(ana).get(reverse("buy", args=[plan.pk])))
    assert "Why?" in page
    assert AUTHOR not in page
    assert str(row.pk) not in page
    assert "10 Mar 2026" in page
    told = Api(ana).get(f"products/{plan.product_id}/eligibility/").json()
    [failed] = [rule for rule in told["rules"] if not rule["passed"]]
    assert failed["source"] == {"level": "product", "id": None, "set_by": None, "set_at": "2026-03-10T12:00:00Z"}
    reader = admin_of(ana.tenant, "global_reader").membership
    page = text_of(signed_in(reader).get(reverse("buy", args=[plan.pk])))
    assert AUTHOR in page
    assert "10 Mar 2026" in page
    [failed] = [
        rule
        for rule in Api(reader).get(f"products/{plan.product_id}/eligibility/").json()["rules"]
        if not rule["passed"]
    ]
    assert failed["source"] == {
        "level": "product", "id": str(row.pk), "set_by": AUTHOR, "set_at": "2026-03-10T12:00:00Z",
    }  # fmt: skip


def test_what_would_make_it_pass_does(ana, plan):
    admin = admin_of(ana.tenant)
    said("disabled")(ana, plan)
    set_product_policy(
        tenant=ana.tenant, product=plan.product, value="enabled", reason="As told.", by=admin, at=timezone.now()
    )
    assert eligibility.decide(ana, plan.product, at=timezone.now()).allowed


@pytest.mark.parametrize(
    ("level", "said"), [("member", "sets this person's own value"), ("department", "sets the department's value")]
)
def test_a_narrower_value_is_not_mended_at_the_product(ana, plan, level, said):
    department = ana.tenant.departments.create(name="Sales")
    ana.department = department
    ana.save()
    PolicyFactory(tenant=ana.tenant, product=plan.product, **{level: ana if level == "member" else department})
    _outcome, lines = by_function(ana, plan.product)
    [failed] = [line for line in lines if line["code"]]
    assert said in failed["would_pass"]


def test_what_an_approval_or_a_trial_mends_says_so(ana, plan):
    admin_of(ana.tenant)
    said("approval_required")(ana, plan)
    outcome, lines = by_function(ana, plan.product)
    assert (outcome, [line["would_pass"] for line in lines if line["code"]]) == (
        "needs_approval", ["Somebody approves it."],
    )  # fmt: skip
    Policy.objects.update(value="only_trials_without_payment_method")
    plan.product.trial_days, plan.product.trial_seats = 30, 1
    plan.product.save()
    outcome, lines = by_function(ana, plan.product)
    assert (outcome, [line["would_pass"] for line in lines if line["code"]]) == (
        "trial_only", ["Start a trial instead, or an admin sets Power BI Pro to Enabled."],
    )  # fmt: skip


def test_people_who_cannot_ask_themselves_are_explained_too(ana, plan, capsys):
    guest = GuestFactory(tenant=ana.tenant)
    left = MembershipFactory(tenant=ana.tenant, state="left")
    reader = admin_of(ana.tenant, "license_admin").membership
    for member, code in ((guest, "guest_user"), (left, "user_not_active")):
        outcome, lines = by_function(member, plan.product)
        assert [line["code"] for line in lines if line["code"]] == [code]
        assert by_command(capsys, member, plan.product) == (outcome, lines)
        assert by_api(reader, member, plan.product) == (outcome, lines)
        page = signed_in(reader).get(reverse(PAGE), {"user": member.user.email, "product": plan.product_id})
        assert code in text_of(page)


def test_every_sentence_has_its_remedy_and_every_rule_its_title():
    assert set(reasons._WOULD_PASS) == set(reasons._SENTENCES)
    assert set(reasons._TITLES) == {rule.__name__ for rule in (*rules.RULES, *rules.RENEWAL_RULES)}


# --- The admin's page


def test_a_quantity_is_asked_about_too(ana, plan):
    reader = signed_in(admin_of(ana.tenant).membership)
    asked = {"user": ana.user.email.upper(), "product": plan.product_id}
    assert "Allowed" in text_of(reader.get(reverse(PAGE), asked))
    page = text_of(reader.get(reverse(PAGE), asked | {"quantity": "10001"}))
    assert "Ask for 1 to 10000 seats." in page
    assert "quantity_out_of_range" in page


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"user": ""}, "Type the person's work e-mail."),
        ({"user": "ana"}, "Type a whole address."),
        ({"user": "felix@fabrikam.example"}, "There is no such person in your organisation."),
        ({"product": "none"}, "Choose one of these."),
        ({"quantity": "many"}, "Enter a whole number."),
    ],
)
def test_a_bad_question_is_told_at_its_field(ana, plan, wrong, told):
    MembershipFactory(user__email="felix@fabrikam.example")
    reader = signed_in(admin_of(ana.tenant).membership)
    page = reader.get(reverse(PAGE), {"user": ana.user.email, "product": plan.product_id} | wrong)
    assert (page.status_code, told in text_of(page)) == (400, True)
    assert "<table" not in text_of(page)


def test_only_whoever_may_read_policies_asks(ana, plan):
    asked = {"user": ana.user.email, "product": plan.product_id}
    for role in ("global_admin", "billing_admin", "license_admin", "global_reader"):
        assert signed_in(admin_of(ana.tenant, role).membership).get(reverse(PAGE), asked).status_code == 200
    assert signed_in(admin_of(ana.tenant, "user_admin").membership).get(reverse(PAGE), asked).status_code == 403
    assert signed_in(ana).get(reverse(PAGE), asked).status_code == 403
    assert signed_in(admin_of(ana.tenant).membership).post(reverse(PAGE), asked).status_code == 403
    assert Exclusion.objects.count() == 3
