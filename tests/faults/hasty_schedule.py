"""The schedule as it is, but renewals are looked for every 2 s: a short test has no time to wait."""

from config.celery import app

__all__ = ["app"]

app.conf.beat_schedule["commerce.renew_subscriptions"]["schedule"] = 2.0
