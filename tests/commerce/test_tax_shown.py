"""What people and programs read of the tax: in quotes, receipts, histories, invoices and lists of prices."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce import invoice_pdf
from commerce.models import Invoice, Order
from commerce.operations.letters import receipts
from tests.admin.pages import PURCHASES
from tests.admin.pages import opened as admin_page
from tests.callers import Api, signed_in
from tests.commerce.pages import buy_url, opened, pay, url_of
from tests.commerce.pdf_text import letters_in
from tests.factories import MembershipFactory, OperatorFactory, TaxRateFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

EUR = {"currency": "EUR"}


@pytest.fixture
def plan():
    return plan_on_sale("8.40", "EUR", "DE", product__name="Power BI Pro")


@pytest.fixture
def greta():
    return MembershipFactory(tenant__country="DE", tenant__name="Fabrikam", tenant__tax_number="DE136695976")


def rate(**said):
    return TaxRateFactory(country="DE", name="USt.", rate="0.19", **said)


def figures_in(page):
    """Rows of its table of money: what stands left, and the amount on the right."""
    text = page.text
    table = text[text.index('<table class="money">') : text.index("</table>", text.index('<table class="money">'))]
    return [" ".join(row.replace("</th>", "|").split()) for row in table.split("<tr")[1:]]


def row_with(page, words):
    [row] = [row for row in figures_in(page) if words in row]
    return row


# --- In the browser


def test_tax_on_top_has_its_own_row_from_the_quote_to_the_invoice(greta, plan):
    rate()
    browser = signed_in(greta)
    checkout, quote = opened(browser, plan)
    receipt = pay(browser, checkout)
    order, invoice = Order.objects.get(), Invoice.objects.get()
    history = browser.get(url_of(order.subscription))
    for page in (quote, receipt, history):
        assert "16.80" in row_with(page, "Power BI Pro")
        assert "3.19" in row_with(page, "USt. 19%")
        assert "€19.99" in figures_in(page)[-1]
    billed = browser.get(reverse("my-invoice", args=[invoice.pk]))
    assert [("16.80" in row, "3.19" in row, "19.99" in row) for row in figures_in(billed)] == [
        (True, False, False),
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert "Total without tax" in figures_in(billed)[1]


@pytest.mark.parametrize("inclusive", [False, True])
def test_what_goes_back_is_told_of_the_same_kind_of_amount(greta, plan, inclusive):
    rate(inclusive=inclusive)
    subscription = buy(greta, plan, 2, at=timezone.now())
    page = signed_in(greta).get(url_of(subscription, "remove-seats"), {"quantity": "1"})
    row = row_with(page, "not used yet")
    assert "Of €8.40, for" in row
    [line] = page.context["lines"]
    assert Decimal("8.38") <= line.amount <= Decimal("8.40")


def test_tax_within_the_price_leaves_the_lines_as_people_saw_them(greta, plan):
    rate(inclusive=True)
    browser = signed_in(greta)
    checkout, quote = opened(browser, plan)
    receipt = pay(browser, checkout)
    history = browser.get(url_of(Order.objects.get().subscription))
    for page in (quote, receipt, history):
        assert "16.80" in row_with(page, "Power BI Pro")
        assert "2.68" in row_with(page, "Includes USt. 19%")
        assert "€16.80" in figures_in(page)[-1]
    billed = figures_in(browser.get(reverse("my-invoice", args=[Invoice.objects.get().pk])))
    assert ["16.80" in billed[0], "14.12" in billed[1], "2.68" in billed[2], "€16.80" in billed[3]] == [True] * 4


def test_a_reverse_charge_has_no_row_but_a_sentence(greta, plan):
    rate(reverse_charge=True)
    browser = signed_in(greta)
    checkout, quote = opened(browser, plan)
    receipt = pay(browser, checkout)
    invoice = Invoice.objects.get()
    billed = browser.get(reverse("my-invoice", args=[invoice.pk]))
    for page in (quote, receipt, billed):
        assert "Reverse charge: the organisation that buys owes the tax (USt.) itself." in page.text
        assert "€16.80" in figures_in(page)[-1]
        assert len(figures_in(page)) == 2


def test_no_tax_is_not_mentioned(greta, plan):
    browser = signed_in(greta)
    checkout, quote = opened(browser, plan)
    receipt = pay(browser, checkout)
    billed = browser.get(reverse("my-invoice", args=[Invoice.objects.get().pk]))
    for page in (quote, receipt, billed):
        assert len(figures_in(page)) == 2
        assert "Reverse charge" not in page.text


def test_procurement_reads_the_tax_of_an_order(greta, plan):
    rate(inclusive=True)
    browser = signed_in(greta)
    checkout, _page = opened(browser, plan)
    pay(browser, checkout)
    text = signed_in(OperatorFactory()).get(admin_page(PURCHASES, Order.objects.get().subscription)).text
    for said in ("Includes USt. 19%", "2.68", "€16.80"):
        assert said in text, said
    assert "14.12" not in text  # no line is shown at a price that nobody saw


# --- By mail and on paper


@pytest.mark.parametrize(
    "said, letter, paper",
    [
        ({}, ["2 × €8.40 = €16.80", "USt. 19%: €3.19", "Total: €19.99"], ["16.80", "USt. 19%", "3.19", "€19.99"]),
        (
            {"inclusive": True},
            ["2 × €8.40 = €16.80", "Includes USt. 19%: €2.68", "Total: €16.80"],
            ["16.80", "Total without tax", "14.12", "USt. 19%", "2.68", "€16.80"],
        ),
        (
            {"reverse_charge": True},
            ["2 × €8.40 = €16.80", "Total: €16.80", "Reverse charge: the organisation that buys"],
            ["€16.80", "Reverse charge: the organisation that buys"],
        ),
    ],
    ids=["on top", "included", "reverse charge"],
)
def test_receipt_and_invoice_tell_the_same(greta, plan, said, letter, paper, mailoutbox):
    rate(**said)
    browser = signed_in(greta)
    checkout, _page = opened(browser, plan)
    pay(browser, checkout)
    receipts.deliver_receipt(order_id=Order.objects.get().pk, site="https://s.example", sender="s@s.example")
    for words in letter:
        assert words in mailoutbox[-1].body
    shown = letters_in(invoice_pdf.render(Invoice.objects.with_lines().get()))
    for words in paper:
        assert words in shown, words


# --- Before anybody has signed in


def test_the_catalogue_says_whether_prices_hold_the_tax(greta, plan):
    def note():
        return Client().get("/", {"country": "DE"}).text, signed_in(greta).get("/").text

    assert all("Prices " not in text.replace("Prices for", "") for text in note())
    tax = rate(reverse_charge=True)
    stranger, member = note()
    assert "Prices without USt. 19%." in stranger
    assert "USt." not in member  # reverse charge: what one sees is what one pays
    tax.reverse_charge, tax.inclusive = False, True
    tax.save()
    assert all("Prices include USt. 19%." in text for text in note())


def test_the_total_of_a_link_is_told_with_the_countrys_tax(plan):
    rate()
    page = Client().get(buy_url(plan), headers={"Accept-Language": "de-DE"})
    assert "3.19" in row_with(page, "USt. 19%")
    assert "€19.99" in figures_in(page)[-1]


# --- By API


def test_the_api_tells_the_tax_of_quote_order_and_invoice(greta, plan):
    rate(inclusive=True)
    api = Api(greta)
    opened = api.post("checkouts/", {"plan": plan.pk, "quantity": 2}, key="open").json()
    net, tax, gross = ({"amount": amount} | EUR for amount in ("14.12", "2.68", "16.80"))
    terms = {"name": "USt.", "rate": "0.19", "inclusive": True, "reverse_charge": False}
    quote = opened["quote"]
    assert (quote["subtotal"], quote["tax"], quote["total"], quote["tax_terms"]) == (net, tax, gross, terms)
    [line] = quote["lines"]
    assert (line["unit_price"], line["amount"], line["tax"]) == ({"amount": "8.40"} | EUR, net, tax)
    api.post(f"checkouts/{opened['id']}/pay/", {"payment_method": "pm_card_visa"}, key="pay")
    for path in ("orders/", "invoices/"):
        [row] = api.get(path).json()["results"]
        assert (row["subtotal"], row["tax"], row["total"], row["tax_terms"]) == (net, tax, gross, terms)
        [line] = row["lines"]
        assert (line["amount"], line["tax"]) == (net, tax)


def test_the_api_tells_a_reverse_charge(greta, plan):
    rate(reverse_charge=True)
    quote = Api(greta).post("checkouts/", {"plan": plan.pk, "quantity": 1}, key="open").json()["quote"]
    assert quote["tax_terms"] == {"name": "USt.", "rate": "0", "inclusive": False, "reverse_charge": True}
    assert (quote["tax"]["amount"], quote["total"]["amount"]) == ("0.00", "8.40")


def test_the_quote_stands_while_the_rate_changes(greta, plan):
    rate()
    api = Api(greta)
    opened = api.post("checkouts/", {"plan": plan.pk, "quantity": 2}, key="open").json()
    TaxRateFactory(country="DE", rate="0.5", valid_from=timezone.now().date())
    paid = api.post(f"checkouts/{opened['id']}/pay/", {"payment_method": "pm_card_visa"}, key="pay").json()
    assert paid["quote"]["total"] == opened["quote"]["total"] == {"amount": "19.99"} | EUR
    [order] = api.get("orders/").json()["results"]
    assert order["payments"][0]["amount"] == {"amount": "19.99"} | EUR
