import shutil
import tempfile
from pathlib import Path

import pytest

from config import embedded


@pytest.fixture(scope="session")
def open_folder():
    """Makes folders that the servers' account can enter: pytest's own are closed to it where we are root."""
    made = []

    def make(name):
        path = Path(tempfile.mkdtemp(prefix=f"seatwise-{name}-"))
        path.chmod(0o755)
        made.append(path)
        return path

    yield make
    for path in made:
        if (path / "lock").exists():
            embedded.stop_abandoned(path)
        shutil.rmtree(path, ignore_errors=True)
