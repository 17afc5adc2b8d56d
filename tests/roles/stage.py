"""One world and everybody in it, made once for a class of tests; what happens in it is undone each time."""

from typing import ClassVar

from django.test import TestCase

from tests.outsiders.world import World, build
from tests.roles.people import Caller, everybody


class Stage:
    """Apart from the class of tests, which would copy all of it for each of them."""

    world: ClassVar[World]
    callers: ClassVar[dict[str, Caller]]


class OnStage(TestCase):
    databases = {"default", "sandbox"}

    @classmethod
    def setUpTestData(cls) -> None:
        Stage.world = build()
        Stage.callers = everybody(Stage.world)
