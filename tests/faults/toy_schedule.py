"""A schedule with one entry, once a second, for processes that the tests start and kill."""

from config.celery import app

__all__ = ["app"]

app.conf.beat_schedule = {"toy": {"task": "toy.tick", "schedule": 1.0, "options": {"queue": "upkeep"}}}
