"""
What stands between the gateway and localstripe. Both speak HTTP and neither knows of it.

localstripe refuses parameters that it does not know and leaves out fields that Stripe always has. Here is the whole
list of what is left out, moved and filled in; everything else passes as it is.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPErrorProcessor, Request, build_opener

NOT_KNOWN_THERE = {"setup_future_usage", "return_url", "use_stripe_sdk", "off_session"}


class _AsItComes(HTTPErrorProcessor):
    """An answer is an answer, whatever its status."""

    def http_response(self, request, response):
        return response


class Between:
    """A server of its own port; `stops` are paths whose answers are lost on the way back, once each."""

    def __init__(self, target):
        self.target, self.stops, self.seen, self._cards = target, [], [], {}
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self):
                between.pass_on(self)

            do_GET = do_POST = do_DELETE = _pass

            def log_message(self, *_words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, asked):
        path = urlsplit(asked.path).path
        length = int(asked.headers.get("Content-Length") or 0)
        form = dict(parse_qsl(asked.rfile.read(length).decode()))
        self.seen.append((asked.command, path, form, asked.headers.get("Idempotency-Key")))
        status, shape = self.ask(asked.command, asked.path, self._without_what_is_not_known(path, form))
        if path in self.stops:
            self.stops.remove(path)
            asked.close_connection = True
            return
        body = json.dumps(self._filled_in(path, form, shape)).encode()
        asked.send_response(status)
        asked.send_header("Content-Type", "application/json")
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)

    def ask(self, method, path, form=None):
        """localstripe itself, past all of this: as the browser and the bank would."""
        data = urlencode(form or {}).encode() if method == "POST" else None
        request = Request(self.target + path, data, {"Authorization": "Bearer sk_test_interop"}, method=method)  # noqa: S310 (its own address)
        with build_opener(_AsItComes).open(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text.strip() else {}

    def _without_what_is_not_known(self, path, form):
        form = {name: value for name, value in form.items() if name not in NOT_KNOWN_THERE}
        # It takes the card of a setup intent when that is confirmed, not before.
        if path == "/v1/setup_intents":
            return {name: value for name, value in form.items() if name != "payment_method"}
        if path.startswith("/v1/setup_intents/") and path.endswith("/confirm"):
            return form | {"payment_method": self._cards[path.split("/")[3]]}
        return form

    def _filled_in(self, path, form, shape):
        if shape.get("object") == "payment_intent":
            captured = shape["status"] == "succeeded"
            shape["amount_received"] = shape["latest_charge"]["amount"] if captured else 0
        if shape.get("object") == "setup_intent" and path == "/v1/setup_intents":
            self._cards[shape["id"]] = form["payment_method"]
            shape["status"] = "requires_confirmation"
        if shape.get("object") == "setup_intent" and shape["id"] in self._cards and shape["payment_method"] is None:
            shape["status"] = "canceled" if shape["status"] == "canceled" else "requires_confirmation"
        return shape
