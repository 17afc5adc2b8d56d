"""One world and everybody in it, made once for a class of tests; what happens in it is undone each time."""

from typing import ClassVar
from unittest.mock import patch

from django.http import HttpResponse
from django.test import TestCase

from config import urls
from tests.outsiders.world import World, build
from tests.roles.people import Caller, everybody


class Stage:
    """Apart from the class of tests, which would copy all of it for each of them."""

    world: ClassVar[World]
    callers: ClassVar[dict[str, Caller]]


def refused_in_short(request, exception):
    return HttpResponse(status=403)


class OnStage(TestCase):
    databases = {"default", "sandbox"}

    @classmethod
    def setUpClass(cls) -> None:
        """Who may not is told so on a page, thousands of times the same: tests/outsiders has each of them made."""
        super().setUpClass()
        cls.enterClassContext(patch.object(urls, "handler403", refused_in_short))

    @classmethod
    def setUpTestData(cls) -> None:
        Stage.world = build()
        Stage.callers = everybody(Stage.world)
