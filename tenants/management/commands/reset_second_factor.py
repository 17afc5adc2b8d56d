"""Takes away a second factor that is lost: also an operator's own, who stands on no page of people."""

import argparse
from datetime import datetime
from typing import Any

from tenants.access import SYSTEM
from tenants.directory.models import User
from tenants.management.operator_command import OperatorCommand, Output, Stop
from tenants.signin import second_factor


class Command(OperatorCommand):
    help = "Takes away a person's second factor and recovery codes, both lost."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="stays in the journal")

    def perform(self, *, email: str, reason: str, at: datetime, **options: Any) -> Output:
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise Stop(f"nobody has the address {email}")
        second_factor.reset(user=user, reason=reason, by=SYSTEM, at=at)
        return {"person": user.email}
