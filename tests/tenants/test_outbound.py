"""The way out: never into the service's own network, whatever a name says, and never for longer than it may take."""

import socket
import time
from threading import Thread

import pytest

from tenants import outbound
from tenants.outbound import is_public
from tests.tenants.hooks import receiving
from tests.tenants.ways_out import why


@pytest.fixture
def dialled(monkeypatch):
    """The addresses that somebody was about to connect to."""
    seen = []

    def connect(address, timeout=None):
        seen.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return seen


INNER = [
    "0.0.0.0",  # noqa: S104 (nobody binds it)
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.9.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_not_public_and_nobody_connects_to_it(address, leads_to, dialled):
    assert not is_public(address)
    leads_to([address])
    assert why("https://hooks.example/") == "address_not_allowed"
    assert dialled == []


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_connected_to(address, leads_to, dialled):
    leads_to([address])
    assert why("https://hooks.example/") == "connection_failed"
    assert dialled == [(address, 443)]


def test_a_name_is_looked_up_once_and_connected_to_where_it_was_checked(leads_to, dialled):
    leads_to(["1.1.1.1"], ["127.0.0.1"])  # a name that changes between the check and the call
    assert why("https://hooks.example:8443/") == "connection_failed"
    assert dialled == [("1.1.1.1", 8443)]


def test_one_inner_address_among_public_ones_is_one_too_many(leads_to, dialled):
    leads_to(["1.1.1.1", "10.0.0.1"])
    assert why("https://hooks.example/") == "address_not_allowed"
    assert dialled == []


def test_a_literal_inner_address_is_refused_by_the_real_look_up(receiver):
    assert why(receiver.url) == "address_not_allowed"
    assert why(receiver.url.replace("http:", "https:")) == "address_not_allowed"
    assert why(receiver.url.replace("127.0.0.1", "localhost")) == "address_not_allowed"
    assert why(receiver.url.replace("127.0.0.1", "2130706433"), loopback=True) == "address_not_allowed"
    assert receiver.heard == []


def test_in_a_demo_only_what_is_written_as_this_machine_is_this_machine(receiver, leads_to):
    answer = outbound.post(receiver.url, body=b"{}", headers={"X-Us": "1"}, loopback=True)
    assert (answer.status, len(receiver.heard)) == (200, 1)
    leads_to(["127.0.0.1"], ["127.0.0.1"])
    for scheme in ("http", "https"):
        named = receiver.url.replace("http", scheme).replace("127.0.0.1", "hooks.example")
        assert why(named, loopback=True) == "address_not_allowed"
    assert len(receiver.heard) == 1


def test_encryption_is_never_left_out_for_a_public_address(leads_to, dialled):
    leads_to(["1.1.1.1"])
    assert why("http://hooks.example/", loopback=True) == "address_not_allowed"
    assert dialled == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(receiver, status):
    with receiving() as inner:
        receiver.answers, receiver.location = status, inner.url
        assert outbound.post(receiver.url, body=b"{}", headers={}, loopback=True).status == status
        assert inner.heard == []


def test_no_proxy_is_asked(receiver, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert outbound.post(receiver.url, body=b"{}", headers={}, loopback=True).status == 200


def test_of_an_answer_only_the_beginning_is_kept_and_only_text(receiver):
    receiver.text = "a\0b" + "ü" * 5000
    answer = outbound.post(receiver.url, body=b"{}", headers={}, loopback=True)
    assert (len(answer.text), answer.text[:4]) == (500, "abüü")


def test_who_is_not_there_is_told_apart(leads_to):
    assert why("http://127.0.0.1:9/", loopback=True) == "connection_failed"
    assert why("https://no-such-name.invalid/") == "name_not_found"


@pytest.fixture
def talker():
    """A server on this machine that does with each connection what it is told."""
    servers = []

    def talk(says):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve():
            while True:
                try:
                    connection, _address = server.accept()
                    says(connection)
                except OSError:
                    return

        Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield talk
    for server in servers:
        server.close()


def test_it_ends_in_time_however_slowly_somebody_talks(talker):
    def drip(connection):
        for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
            connection.send(bytes([letter]))
            time.sleep(0.05)

    begun = time.monotonic()
    assert why(talker(drip), loopback=True, seconds=1) == "timeout"
    assert time.monotonic() - begun < 3


def test_who_says_nothing_at_all_is_not_waited_for(talker):
    begun = time.monotonic()
    assert why(talker(lambda connection: time.sleep(5)), loopback=True, seconds=0.5) == "timeout"
    assert time.monotonic() - begun < 3


def test_a_body_without_end_does_not_take_back_that_there_was_an_answer(talker):
    def begin(connection):
        connection.recv(4096)
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        time.sleep(3)

    answer = outbound.post(talker(begin), body=b"{}", headers={}, loopback=True, seconds=1)
    assert answer.status == 200


def test_what_is_no_http_is_told_apart(talker):
    def greet(connection):
        connection.send(b"220 mail.example ESMTP\r\n")
        connection.close()

    assert why(talker(greet), loopback=True) in {"no_http", "connection_failed"}
