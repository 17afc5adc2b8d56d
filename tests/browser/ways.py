"""The way to each page of a buyer: by its links, buttons and fields, and what it says there."""

from playwright.sync_api import expect

BUY = "/buy/power-apps-monthly/?quantity=2"


def catalogue(visit, **look):
    page = visit(**look)
    page.goto("/")
    return page


def product_link(visit, **look):
    page = visit(**look)
    page.goto(BUY)
    return page


def broken_address(visit, **look):
    page = product_link(visit, **look)
    page.get_by_label("Work e-mail").fill("ana")
    page.get_by_role("button", name="Continue").click()
    return page


def contact(visit, **look):
    page = product_link(visit, **look)
    page.get_by_label("Work e-mail").fill("ana@nowhere.example")
    page.get_by_role("button", name="Continue").click()
    return page


def signing_in(visit, **look):
    page = product_link(visit, **look)
    page.get_by_label("Work e-mail").fill("ana@fabrikam.example")
    page.get_by_role("button", name="Continue").click()
    return page


def review(visit, **look):
    page = visit("ana@fabrikam.example", **look)
    page.goto(BUY)
    return page


def declined(visit, **look):
    page = review(visit, **look)
    page.get_by_label("Card").select_option("pm_card_chargeDeclinedInsufficientFunds")
    page.get_by_role("button", name="Pay now").click()
    return page


def bank(visit, **look):
    page = review(visit, **look)
    page.get_by_label("Card").select_option("pm_card_authenticationRequired")
    page.get_by_role("button", name="Pay now").click()
    return page


def waiting(visit, **look):
    page = review(visit, **look)
    checkout = page.url
    page.get_by_label("Card").select_option("pm_card_authenticationRequired")
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.goto(checkout)
    return page


def receipt(visit, **look):
    page = review(visit, **look)
    page.get_by_role("button", name="Pay now").click()
    return page


def subscription(visit, **look):
    page = receipt(visit, **look)
    page.get_by_role("link", name="Give seats to colleagues").click()
    return page


def nobody(visit, **look):
    page = subscription(visit, **look)
    page.get_by_label("Work e-mails").fill("nobody@fabrikam.example")
    page.get_by_role("button", name="Assign").click()
    return page


def adding(visit, **look):
    page = subscription(visit, **look)
    page.get_by_role("link", name="Add seats").click()
    return page


def no_number(visit, **look):
    page = adding(visit, **look)
    page.get_by_label("Quantity").fill("0")
    page.get_by_role("button", name="Update total").click()
    return page


def added(visit, **look):
    page = adding(visit, **look)
    page.get_by_role("button", name="Pay now").click()
    return page


def seats_waiting(visit, **look):
    page = adding(visit, **look)
    page.get_by_label("Card").select_option("pm_card_authenticationRequired")
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.goto("/my/subscriptions/")
    page.locator("tbody a").first.click()
    return page


def removing(visit, **look):
    page = subscription(visit, **look)
    page.get_by_role("link", name="Remove seats").click()
    return page


def reactivating(visit, **look):
    page = canceling(visit, **look)
    page.get_by_label("Reason").fill("Not needed.")
    page.get_by_role("button", name="Cancel subscription").click()
    page.get_by_role("link", name="Reactivate").click()
    return page


def canceling(visit, **look):
    page = subscription(visit, **look)
    page.get_by_role("link", name="Cancel subscription").click()
    return page


def subscriptions(visit, **look):
    page = receipt(visit, **look)
    page.goto("/my/subscriptions/")
    return page


def no_subscriptions(visit, **look):
    page = visit("cleo@contoso.example", **look)
    page.goto("/my/subscriptions/")
    return page


def invoices(visit, **look):
    page = subscriptions(visit, **look)
    page.get_by_role("link", name="Invoices and credit notes").click()
    return page


def cards(visit, **look):
    page = subscriptions(visit, **look)
    page.get_by_role("link", name="My cards").click()
    return page


def no_cards(visit, **look):
    page = visit("cleo@contoso.example", **look)
    page.goto("/my/payment-methods/")
    return page


def card_refused(visit, **look):
    page = no_cards(visit, **look)
    page.get_by_label("Card").select_option("pm_card_mastercard_prepaid")
    page.get_by_role("button", name="Add card").click()
    return page


def card_at_the_bank(visit, **look):
    page = no_cards(visit, **look)
    page.get_by_label("Card").select_option("pm_card_authenticationRequired")
    page.get_by_role("button", name="Add card").click()
    return page


def card_waits(visit, **look):
    page = card_at_the_bank(visit, **look)
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.goto("/my/payment-methods/")
    return page


def two_cards(visit, **look):
    page = cards(visit, **look)
    page.get_by_label("Card").select_option("pm_card_refundFail")
    page.get_by_role("button", name="Add card").click()
    return page


def replacing(visit, **look):
    page = two_cards(visit, **look)
    page.get_by_role("link", name="Replace Visa •••• 4242").click()
    return page


def changing_the_card(visit, **look):
    page = subscription(visit, **look)
    page.get_by_role("link", name="Change card").click()
    return page


def credit_note(visit, **look):
    page = canceling(visit, **look)
    page.get_by_label("Reason").fill("No need.")
    page.get_by_role("button", name="Cancel subscription").click()
    expect(page.get_by_text("Ended", exact=True)).to_be_visible()
    page.goto("/my/invoices/")
    page.get_by_role("link", name="SW-").first.click()
    return page


def no_invoices(visit, **look):
    page = visit("cleo@contoso.example", **look)
    page.goto("/my/invoices/")
    return page


def invoice(visit, **look):
    page = receipt(visit, **look)
    page.get_by_role("link", name="SW-").click()
    return page


def refusal(visit, **look):
    page = visit("ana@cityhall.example", **look)
    page.goto(BUY)
    return page


def several_organisations(visit, **look):
    page = visit("greta@fabrikam.example", **look)
    page.goto("/")
    return page


def not_found(visit, **look):
    page = visit("ana@fabrikam.example", **look)
    page.goto("/my/subscriptions/00000000-0000-0000-0000-000000000000/")
    return page


PAGES = {
    "Buy the software you need": catalogue,
    "Buy Power Apps per user": product_link,
    "Please mend this first": broken_address,
    "Contact your IT admin": contact,
    "Sign in": signing_in,
    "Total today": review,
    "not enough money": declined,
    "Confirm the payment": bank,
    "Your bank wants you to confirm": waiting,
    "Purchase complete": receipt,
    "1 of 2 assigned": subscription,
    "How many more. It has 2 now.": adding,
    "Type a whole number from 1 to 9,998.": no_number,
    "It has 3 seats now.": added,
    "Nothing is charged until you confirm. What you ordered": seats_waiting,
    "Back to your card": removing,
    "A new term begins when you pay.": reactivating,
    "is not a member of your organisation": nobody,
    "Access ends at once": canceling,
    "My subscriptions": subscriptions,
    "You have bought nothing yet": no_subscriptions,
    "Total": invoices,
    "You have no invoices yet": no_invoices,
    "Nothing is left to pay": invoice,
    "Pays for": cards,
    "You keep no card yet": no_cards,
    "Prepaid cards are not accepted": card_refused,
    "Confirm the card": card_at_the_bank,
    "Your bank wants you to confirm a card": card_waits,
    "Visa •••• 5126 was added.": two_cards,
    "is then removed": replacing,
    "Nothing is charged now": changing_the_card,
    "Total credited": credit_note,
    "You can't buy this yourself": refusal,
    "Acting for": several_organisations,
    "There is nothing here": not_found,
}
