"""The sandbox tells its news: to whom, how often, over HTTP, and by the task."""

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from commerce import tasks
from commerce.gateways.sandbox import news, wire
from commerce.models import IncomingEvent, SandboxEvent
from tests.commerce.provider import BANK, charged, forget_what_is_owed, owed
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SECOND = timedelta(seconds=1)


class Listener:
    """Takes what is posted, or does not."""

    def __init__(self, takes=True):
        self.takes, self.heard = takes, []

    def __call__(self, body, headers):
        self.heard.append(json.loads(body)["id"])
        return self.takes


class TestTelling:
    @pytest.fixture
    def three(self):
        for _n in range(3):
            charged()
        return [event.id for event in owed()]

    def test_is_done_once_oldest_first(self, three):
        listener = Listener()
        assert news.deliver(post=listener, at=NOON) == 3
        assert news.deliver(post=listener, at=NOON) == 0
        assert listener.heard == three

    def test_what_is_not_taken_is_told_again_ever_more_seldom(self, three):
        listener, moments = Listener(takes=False), []
        for second in range(700):
            before = len(listener.heard)
            news.deliver(post=listener, at=NOON + second * SECOND, limit=1)
            if listener.heard[before:] == three[:1]:
                moments.append(second)
        assert moments == [0, 5, 15, 35, 75, 155, 315, 635]

    def test_one_that_is_not_taken_holds_up_no_other(self, three):
        class Picky(Listener):
            def __call__(self, body, headers):
                super().__call__(body, headers)
                return json.loads(body)["id"] != three[0]

        assert news.deliver(post=Picky(), at=NOON) == 2

    def test_stops_where_nobody_listens_at_all(self, three):
        heard = []

        def nobody(body, headers):
            heard.append(body)
            raise wire.NobodyListens

        assert news.deliver(post=nobody, at=NOON) == 0
        assert len(heard) == 1

    def test_is_given_up_in_the_end(self, three):
        listener = Listener(takes=False)
        for hour in range(60):
            news.deliver(post=listener, at=NOON + timedelta(hours=2 * hour))
        assert len(listener.heard) == 3 * news.MOST_ATTEMPTS

    def test_by_two_at_once_happens_once(self, three):
        heard = []

        def post(body, headers):
            heard.append(body)
            if len(heard) == 1:  # another sender begins while this one waits for its answer
                news.deliver(post=Listener(), at=NOON)
            return True

        news.deliver(post=post, at=NOON)
        assert len(heard) == 1
        assert owed() == []


class TestOverHttp:
    @pytest.fixture
    def listener(self):
        """A server of its own; `answers` is what it says to each request."""
        seen = []

        class Handler(BaseHTTPRequestHandler):
            answers = 202
            location = ""

            def do_POST(self):
                seen.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(Handler.answers)
                if Handler.location:
                    self.send_header("Location", Handler.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *args):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        yield Handler, seen, f"http://127.0.0.1:{server.server_port}/hook/"
        server.shutdown()
        server.server_close()

    def test_what_is_sent_is_what_was_signed(self, listener):
        _handler, seen, url = listener
        charged()
        assert news.deliver(post=wire.poster(url), at=NOON) == 1
        [(path, headers, body)] = seen
        assert path == "/hook/"
        assert BANK.read_event(body, headers, NOON).type == "charge.captured"

    @pytest.mark.parametrize("status", [400, 404, 413, 500, 503])
    def test_only_a_yes_counts_as_taken(self, listener, status):
        handler, _seen, url = listener
        handler.answers = status
        assert wire.poster(url)(b"{}", {}) is False

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_no_redirect_is_followed(self, listener, status):
        handler, seen, url = listener
        handler.answers, handler.location = status, url + "elsewhere/"
        assert wire.poster(url)(b"{}", {}) is False
        assert len(seen) == 1

    def test_no_proxy_is_asked(self, listener, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        _handler, _seen, url = listener
        assert wire.poster(url)(b"{}", {}) is True

    def test_nobody_there_is_told_apart(self):
        with pytest.raises(wire.NobodyListens):
            wire.poster("http://127.0.0.1:9/")(b"{}", {})


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_the_task_sends_to_this_site_itself(live_server, settings):
    settings.BASE_URL = live_server.url
    forget_what_is_owed()
    charged()
    assert tasks.webhooks.send_sandbox_events() == 1
    assert IncomingEvent.objects.get().type == "charge.captured"
    assert owed() == []
    assert tasks.webhooks.send_sandbox_events() == 0


def test_the_task_sends_nothing_while_another_provider_is_in_use(settings):
    charged()
    settings.PAYMENT_GATEWAY = "stripe"
    assert tasks.webhooks.send_sandbox_events() == 0
    assert SandboxEvent.objects.using("sandbox").get().attempts == 0
