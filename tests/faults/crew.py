"""A broker of one test's own that can be killed, and several workers and schedules that are killed and replaced."""

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

from config.embedded import places, process, valkey
from config.serve import HOST, commands
from tests.faults import system


class Broker:
    """On disk, as `make run` has it."""

    def __init__(self, folder):
        self.places = places.open_places(folder)
        self.sockets = places.socket_folder(self.places)
        self.url = f"unix://{self.sockets / valkey.SOCKET}?db=0"

    def start(self):
        valkey.start(self.places, self.sockets, durable=True)

    def kill(self):
        os.kill(valkey.server_process(self.places.home / "valkey"), signal.SIGKILL)
        process.wait(lambda: not process.listens(self.sockets / valkey.SOCKET))

    def stop(self):
        valkey.stop(self.sockets)
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.places.home, ignore_errors=True)


@contextmanager
def own_broker():
    folder = Path(tempfile.mkdtemp(prefix="seatwise-broker-"))
    folder.chmod(0o755)  # the server's account is another one where we are root
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Crew:
    def __init__(self, broker, log, *, schedule, environment):
        self.log, self.schedule = log, schedule
        port = system.free_port()  # where nobody listens: no web server is needed
        self.commands = commands(port)
        self.environment = {"REDIS_URL": broker.url, "BASE_URL": f"http://{HOST}:{port}", **environment}
        self.hired = 0
        # The one that has worked longest is the first.
        self.workers = []
        self.schedules = []

    def hire(self):
        self.hired += 1
        self.workers.append(self._start(f"{self.commands['worker']} --hostname worker-{self.hired}@%h"))

    def begin(self, *, workers, schedules):
        for _each in range(schedules):
            self.schedules.append(self._start(self.commands["schedule"].replace("config.celery", self.schedule)))
        for _each in range(workers):
            self.hire()

    def kill_a_worker(self):
        """Another one takes its place, as under any supervisor."""
        system.kill(self.workers.pop(0))
        self.hire()

    def kill_all_workers(self):
        """None of them sees the others die."""
        for worker in self.workers:
            system.kill(worker)
        gone, self.workers = self.workers, []
        for _each in gone:
            self.hire()

    def _start(self, command):
        return system.start(command, self.environment, self.log)


@contextmanager
def crew(broker, log_path, *, workers=2, schedules=2, schedule="config.celery", **environment):
    """Two of each, beside no web server."""
    with log_path.open("wb") as log:
        hired = Crew(broker, log, schedule=schedule, environment=environment)
        try:
            hired.begin(workers=workers, schedules=schedules)
            yield hired
        finally:
            system.stop([*hired.schedules, *hired.workers])
