"""The job queue and the schedule of its sweeps. Celery makes it prompt; the tables make it certain."""

import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

from celery import Celery
from celery.signals import beat_init
from django.conf import settings
from kombu import Queue as Line

from tenants.delivery.queues import Queue, route

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def broker_url(url: str) -> str:
    """Celery's own spelling of a private socket; every other address stays as it is."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    return f"redis+socket://{parts.path}?virtual_host={parse_qs(parts.query).get('db', ['0'])[0]}"


def heartbeat(queue: str) -> dict[str, Any]:
    """Sent through each line: whoever serves it must be alive."""
    return {"task": "tenants.heartbeat", "kwargs": {"queue": queue}, "options": {"queue": queue, "expires": 60.0}}


app = Celery("seatwise")
app.conf.update(
    broker_url=broker_url(settings.REDIS_URL),
    task_ignore_result=True,
    timezone="UTC",
    # A killed worker's task comes back, and at once: late acknowledgement alone would lose it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_soft_time_limit=50,
    task_time_limit=60,
    broker_transport_options={
        "visibility_timeout": 120,  # above the hard time limit, or a task would run twice
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 1,
        "socket_timeout": 30,
        # An enqueue without a broker tries once and leaves its row to the sweep.
        "max_retries": 0,
        "connect_retries_timeout": 1,
    },
    broker_connection_timeout=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_publish_retry=False,
    # Each kind of work has a line of its own, and a worker takes from its lines in turn: nothing waits for letters.
    task_queues=[Line(name, routing_key=name) for name in Queue.values],
    task_default_queue=Queue.UPKEEP.value,
    task_create_missing_queues=False,
    task_routes=(route,),
    # Ctrl-C: what runs may finish for some seconds, the rest goes back into the queue.
    worker_soft_shutdown_timeout=3,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    # A new database session for each task would more than triple the database's work.
    CELERY_DB_REUSE_MAX=1000,
    beat_scheduler="config.schedule:OneSchedule",
    beat_schedule={
        name: {"task": name, "schedule": every, "options": {"expires": max(every, 10.0)}}
        for name, every in {
            "tenants.sequence_events": 5.0,
            "tenants.resend_jobs": 20.0,
            "tenants.continue_runs": 20.0,
            "tenants.deliver_webhooks": 5.0,
            "tenants.prune": 3600.0,
            "commerce.reconcile_payments": 20.0,
            "commerce.retry_refunds": 20.0,
            "commerce.compare_books": 3600.0,
            "commerce.handle_incoming": 20.0,
            "commerce.prune": 3600.0,
            "commerce.reconcile_cards": 20.0,
            "commerce.tell_expiring_cards": 3600.0,
            "commerce.renew_subscriptions": 20.0,
            "commerce.remind_of_failed_renewals": 60.0,
            "commerce.tell_coming_renewals": 600.0,
            "policies.tell_spend_limits_of_all": 3600.0,
            "commerce.expire_checkouts": 60.0,
            "commerce.expire_subscriptions": 60.0,
            "commerce.expire_orders": 300.0,
            "commerce.apply_policy_changes": 60.0,
            "commerce.settle_take_overs": 60.0,
            "commerce.watch_leavers": 60.0,
            "commerce.fold_summaries": 60.0,
            "commerce.recount_summaries": 3600.0,
            "commerce.watch_cancellation_requests": 20.0,
            "commerce.announce_prices": 600.0,
            "commerce.tell_ending_trials": 600.0,
            "commerce.tell_converting_trials": 600.0,
            "policies.remind_of_license_requests": 600.0,
            "tenants.tell_ending_delegations": 60.0,
            "commerce.send_exports": 60.0,
            # Last: whoever moves a clock finds in the journal what the others did.
            "commerce.write_notices": 20.0,
            "commerce.send_digests": 60.0,
            # A real provider sends its events itself, and knows no time but the world's.
            **(
                {"commerce.send_sandbox_events": 5.0, "tenants.follow_clocks": 5.0}
                if settings.PAYMENT_GATEWAY == "sandbox"
                else {}
            ),
        }.items()
    }
    | {f"tenants.heartbeat.{queue}": {"schedule": 10.0, **heartbeat(queue)} for queue in Queue.values},
)


@beat_init.connect
def beat_at_once(**_: Any) -> None:
    """The first heartbeat need not wait for its turn: a start is ready as soon as it is."""
    for queue in Queue.values:
        sent = heartbeat(queue)
        app.send_task(sent["task"], kwargs=sent["kwargs"], **sent["options"], retry=False)
