"""People with a second factor, and the codes that their app shows."""

import re
from base64 import b32decode
from datetime import timedelta

from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP

from tenants.access import actor_of
from tenants.journal.models import Event
from tenants.signin import second_factor
from tests.factories import PASSWORD

KEY = b"12345678901234567890"
SET_UP = "/my/security/set-up/"


def code_at(at, key=KEY):
    app = TOTP(key)
    app.time = at.timestamp()
    return f"{app.token():06d}"


def now_and(half_minutes=0):
    return timezone.now() + timedelta(seconds=30 * half_minutes)


def enrolled(member):
    """A minute ago, so that the code of now is another one. Returns the recovery codes."""
    past = now_and(-4)
    return second_factor.enrol(key=KEY, code=code_at(past), by=actor_of(member), at=past)


def password(member, client=None):
    client = client or Client()
    return client, client.post("/sign-in/", {"email": member.user.email, "password": PASSWORD, "next": "/my/invoices/"})


def is_in(client):
    return "_auth_user_id" in client.session


def shown_key(page):
    letters = re.search(r"<strong>([A-Z2-7 ]+)</strong>", page.content.decode())[1].replace(" ", "")
    return b32decode(letters)


def told():
    return list(Event.objects.order_by("at", "pk").values_list("type", flat=True))
