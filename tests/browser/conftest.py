"""The whole demo as `make run` starts it, and a real browser in front of it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from config.environment import BASE_DIR

PASSWORD = "seatwise-demo"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The address of a demo of its own: servers, web, worker and schedule."""
    folder = tmp_path_factory.mktemp("demo")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = subprocess.Popen(
        [sys.executable, "-m", "config.serve"],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=(folder / "stderr").open("w"),
        text=True,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    assert any(f"Seatwise is at {url}" in line for line in running.stdout), (folder / "stderr").read_text()
    yield url
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)


@pytest.fixture(scope="session")
def chromium():
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.fail("No Chromium: install one, or name it in CHROMIUM.")
    # Its driver runs an event loop in this thread, where Django would refuse to touch the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, site):
    """Opens a window; `visit("ana@contoso.example")` has signed in. Nothing in it may break the content policy."""
    contexts, complaints = [], []

    def opened(email="", **options):
        context = chromium.new_context(base_url=site, **{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if email:
            sign_in(page, email)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not [text for text in complaints if "Content Security Policy" in text or "violates" in text]


def sign_in(page, email):
    if "/sign-in/" not in page.url:
        page.goto("/sign-in/")
    if page.get_by_label("Password").count() == 0:
        page.get_by_label("Work e-mail").fill(email)
        page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def picture():
    """Keeps a picture of a page, for the README, where SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")

    def taken(page, name):
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png")

    return taken
