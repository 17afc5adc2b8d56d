"""The schedule as it is, but renewals and runs are looked for every 2 s: a short test has no time to wait."""

from config.celery import app

__all__ = ["app"]

app.conf.beat_schedule["commerce.renew_subscriptions"]["schedule"] = 2.0
app.conf.beat_schedule["tenants.continue_runs"]["schedule"] = 2.0
