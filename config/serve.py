"""What `make run` runs: the servers, then web, worker and schedule, until Ctrl-C."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import environ
from honcho.manager import Manager

from config import embedded
from config.environment import BASE_DIR, address_file, data_dir, problems, refuse_to_start

HOST = "127.0.0.1"
WRONG_USAGE = 2
# Together below the ten seconds that a Ctrl-C may take.
GRACE = 4
LEFTOVERS = 10.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to ourselves

WORKER = {
    # Let what runs finish for some seconds, then put it back into the queue; the default would wait without end.
    "REMAP_SIGTERM": "SIGQUIT",
    # Root is asked no questions here: messages are JSON and the socket is private.
    "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
}

SIGN_INS = """
Seatwise is at {url}

  Everybody's password is seatwise-demo.
    ana@contoso.example         buys at {url}/
    admin@contoso.example       the admin's view, {url}/admin/
    operator@seatwise.example   the operator, {url}/admin/

Ctrl-C stops it. Its data stay in {folder}.
"""


class Refused(Exception):
    """This run cannot begin; the message says why, in one line."""


def serve() -> int:
    """Run until told to stop. 0 after a Ctrl-C, 2 when it could not begin, else what the process that ended said."""
    env = environ.Env()
    folder, port = data_dir(env), wanted_port(env.str("PORT", default="8000"))
    if port is None:
        sys.stderr.write("make run: PORT must be a number from 1 to 65535\n")
        return WRONG_USAGE
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    os.environ["DEMO"] = "1"
    os.environ.setdefault("PAYMENT_GATEWAY", "sandbox")
    os.environ.setdefault("BASE_URL", f"http://{HOST}:{port}")
    os.environ["DATA_DIR"] = str(folder)
    refuse_to_start(problems(env))
    try:
        with ExitStack() as stack:
            was_killed = stack.enter_context(the_only_one(folder))
            require_free(port, patience=LEFTOVERS if was_killed else 0)
            if not {"DATABASE_URL", "REDIS_URL"} <= set(os.environ):
                found = stack.enter_context(embedded.attached(folder, broker=True))
                for name, value in found.environment.items():
                    os.environ.setdefault(name, value)
            # Commands on the same folder write letters whose links lead here.
            address_file(folder).write_text(os.environ["BASE_URL"])
            prepare()
            return run(port, folder)
    except (Refused, embedded.NotToBeHad, PermissionError) as reason:
        sys.stderr.write(f"make run: {reason}\n")
        return WRONG_USAGE
    except subprocess.CalledProcessError as failed:
        return failed.returncode  # it has said why
    except KeyboardInterrupt:
        return 0


def wanted_port(given: str) -> int | None:
    return int(given) if given.isdecimal() and len(given) < 6 and 0 < int(given) < 65536 else None


@contextmanager
def the_only_one(folder: Path) -> Iterator[bool]:
    """Hold the folder against a second `make run`. Yields whether the one before was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run").open("a+") as lock:
        lock.seek(0)
        before = lock.read()
        deadline = time.monotonic() + LEFTOVERS
        while not embedded.try_lock(lock.fileno()):
            # Children of a killed run notice within a second or two.
            if not before.isdigit() or is_alive(int(before)) or time.monotonic() > deadline:
                raise Refused(f"another one is using {folder}: stop it, or give this one its own DATA_DIR")
            time.sleep(0.2)
        lock.seek(0)
        was_killed = bool(lock.read())
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield was_killed
        finally:
            lock.truncate(0)
            embedded.unlock(lock.fileno())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def require_free(port: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not is_free(port):
        if time.monotonic() > deadline:
            raise Refused(f"port {port} is in use: choose another one with PORT=…")
        time.sleep(0.2)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def prepare() -> None:
    """The tables, as their owner; then markets, catalogue and demo data, as the application."""
    sys.stdout.write("Preparing tables, markets, catalogue and demo people …\n")
    sys.stdout.flush()
    for module in (["manage.py", "migrate", "--verbosity", "0"], ["-m", "config.prepare"]):
        # A session of its own: Ctrl-C at the keyboard is for us, who then end it.
        subprocess.run([sys.executable, *module], cwd=BASE_DIR, check=True, start_new_session=True)


def run(port: int, folder: Path) -> int:
    # What serves is the application: it has no use for the owner's password.
    os.environ.pop("MIGRATE_DATABASE_URL", None)
    manager = Manager()
    for name, command in commands(port).items():
        follow = f"exec {shlex.quote(sys.executable)} -m config.follow {os.getpid()} {command}"
        manager.add_process(name, follow, cwd=str(BASE_DIR), env={**os.environ, **WORKER})
    # A moment later: a thread must not be there yet when the processes fork.
    ready = threading.Timer(0.5, announce, [f"http://{HOST}:{port}", folder])
    ready.daemon = True
    ready.start()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # the terminal was closed
    manager.loop()
    asked = manager.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    return 0 if asked else int(manager.returncode or 1)


def commands(port: int) -> dict[str, str]:
    celery = "celery --app config.celery --quiet"
    return {
        "web": f"gunicorn config.wsgi --bind {HOST}:{port} --worker-class gthread --workers 2 --threads 8"
        f" --graceful-timeout {GRACE} --log-level warning --no-control-socket",
        "worker": f"{celery} worker --concurrency 2 --without-gossip --without-mingle --without-heartbeat",
        "schedule": f"{celery} beat --pidfile ''",
    }


def announce(url: str, folder: Path) -> None:
    """Say where it is once it really serves."""
    deadline = time.monotonic() + 60
    while not is_ready(url):
        if time.monotonic() > deadline:
            sys.stderr.write(f"make run: {url}/readyz is not ready after a minute; see what is said above\n")
            return
        time.sleep(0.1)
    sys.stdout.write(SIGN_INS.format(url=url, folder=folder))
    sys.stdout.flush()


def is_ready(url: str) -> bool:
    try:
        with DIRECT.open(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(serve())
