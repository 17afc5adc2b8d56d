"""Starting servers that outlive us if they must, and telling whether one is there."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from config.embedded.places import NotToBeHad, Places

PATIENCE = 60.0  # recovery after a crash may take its time


def environment() -> dict[str, str]:
    """Nothing else of the caller's: a PGDATA or PGOPTIONS of another database would lead ours astray."""
    return {name: os.environ[name] for name in ("PATH", "TZ", "TMPDIR") if name in os.environ} | {"LC_ALL": "C"}


def run(places: Places, command: Sequence[str | Path], given: str = "") -> None:
    """Run a tool to its end with `given` as its input."""
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, cwd="/", env=environment(), **places.account.for_popen
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotToBeHad(f"{Path(command[0]).name} failed: {' / '.join(said[-3:])}")


def start(places: Places, name: str, command: Sequence[str | Path], ready: Callable[[], bool]) -> None:
    """Start a server and wait until it is ready."""
    log_path = places.data_dir / f"{name}.log"
    with log_path.open("ab") as log:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A Ctrl-C at the keyboard is for us, who then stop the servers in their turn.
            start_new_session=True,
            cwd="/",
            env=environment(),
            **places.account.for_popen,
        )
    if not wait(lambda: ready() or server.poll() is not None) or server.poll() is not None:
        last = log_path.read_text(errors="replace").strip().splitlines()[-1:]
        raise NotToBeHad(f"{name} did not start: {' '.join(last)} (see {log_path})")
    # Buried should it die before we do: to a successor a dead process with a number looks alive.
    threading.Thread(target=server.wait, daemon=True).start()


def wait(happened: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        return probe.connect_ex(str(path)) == 0


def command_line(pid: int) -> str:
    """What runs under this number; nothing where it has ended, reaped or not."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
