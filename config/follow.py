"""Runs a module's program, and ends it in order when the process that it belongs to has gone without a word."""

import os
import runpy
import signal
import sys
import threading
import time

LEAVING = 8.0


def follow(leader: int) -> None:
    """A killed `make run` must not leave a web server behind that still holds the port."""
    while True:
        time.sleep(1)
        try:
            os.kill(leader, 0)
        except ProcessLookupError:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(LEAVING)
            os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    leader, module, *arguments = sys.argv[1:]
    threading.Thread(target=follow, args=[int(leader)], daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
