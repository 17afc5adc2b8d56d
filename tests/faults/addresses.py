"""Where other processes find the database of this test, and databases of a broker."""

import os
import re

from django.db import connection


def of_this_database():
    name = connection.settings_dict["NAME"]
    return {
        variable: re.sub(r"/[^/?]+\?", f"/{name}?", os.environ[variable])
        for variable in ("DATABASE_URL", "MIGRATE_DATABASE_URL")
    }


def broker_database(number):
    """Another one of the run's broker, so that tests beside this one do not meet it."""
    return re.sub(r"([?&]db=|/)\d*$", lambda found: f"{found[1]}{number}", os.environ["REDIS_URL"])
