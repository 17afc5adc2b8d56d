"""An admin of a sandbox moves its clock and sees what followed, and everybody there sees what day it is."""

import re


def test_a_week_goes_by_for_one_organisation(visit, picture):
    page = visit("admin@contoso.example")
    page.goto("/admin/tenants/sandboxclock/")
    page.get_by_role("link", name="Contoso").first.click()
    page.get_by_label("One week").check()
    page.get_by_role("button", name="Move it ahead").click()
    for _look in range(60):
        if page.get_by_text("The clock was moved from").count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    page.get_by_role("heading", name="What followed").wait_for()
    picture(page, "simulated-time")
    assert re.search(r"clock stands at \d+ \w+ \d{4}", page.content())
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "simulated-time-narrow")
    page.goto("/")
    assert re.search(r"clock stands at \d+ \w+ \d{4}", page.content())
    picture(page, "simulated-time-web-narrow")
    page.set_viewport_size({"width": 1280, "height": 800})
    picture(page, "simulated-time-web")
