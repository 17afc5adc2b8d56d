import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from config.environment import BASE_DIR, address_file

STOPS_WITHIN = 10


@pytest.fixture(scope="module")
def folder(open_folder):
    return open_folder("run")


@pytest.fixture(scope="module")
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def begin(folder, port):
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-m", "config.serve"],
        cwd=BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_it_says(running, words):
    return any(words in line for line in running.stdout)


def readiness(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return json.load(answer)
    except urllib.error.URLError:
        return None


def test_serves_alone_in_its_folder_until_told_to_stop_and_comes_back_after_a_kill(folder, port, open_folder):
    first = begin(folder, port)
    assert until_it_says(first, f"Seatwise is at http://127.0.0.1:{port}")
    assert readiness(port) == {"database": True, "broker": True, "worker": True}
    assert address_file(folder).read_text() == f"http://127.0.0.1:{port}"

    second = begin(folder, port + 1)
    _, said = second.communicate(timeout=20)
    assert (second.returncode, "another one is using" in said, said.count("\n")) == (2, True, 1)

    elsewhere = begin(open_folder("elsewhere"), port)
    _, said = elsewhere.communicate(timeout=20)
    assert (elsewhere.returncode, f"port {port} is in use" in said, said.count("\n")) == (2, True, 1)

    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    third = begin(folder, port)
    assert until_it_says(third, "Seatwise is at")

    told_at = time.monotonic()
    third.send_signal(signal.SIGINT)
    third.communicate(timeout=STOPS_WITHIN)
    assert third.returncode == 0
    assert time.monotonic() - told_at < STOPS_WITHIN
    assert readiness(port) is None
    assert not (folder / "sockets").exists()
