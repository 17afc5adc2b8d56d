import time

import pytest

from tenants.delivery import heartbeats


def test_is_alive_without_asking_anybody(client):
    assert client.get("/healthz").json() == {"alive": True}


@pytest.mark.django_db
def test_is_ready_once_a_worker_has_answered_the_schedule(client):
    with heartbeats.broker() as broker:
        broker.delete(heartbeats.HEARTBEATS)
    before = client.get("/readyz")
    heartbeats.heartbeat("money")
    after = client.get("/readyz")
    assert (before.status_code, before.json()) == (503, {"database": True, "broker": True, "worker": False})
    assert (after.status_code, after.json()) == (200, {"database": True, "broker": True, "worker": True})


@pytest.mark.django_db
def test_is_not_ready_when_the_last_heartbeat_is_old(client):
    with heartbeats.broker() as broker:
        broker.hset(heartbeats.HEARTBEATS, "money", str(time.time() - 60))
    assert client.get("/readyz").json()["worker"] is False


@pytest.mark.django_db
def test_a_worker_of_letters_alone_makes_nobody_ready(client):
    with heartbeats.broker() as broker:
        broker.delete(heartbeats.HEARTBEATS)
    heartbeats.heartbeat("notices")
    assert client.get("/readyz").json()["worker"] is False


@pytest.mark.django_db
def test_is_not_ready_without_a_broker(client, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    assert client.get("/readyz").json() == {"database": True, "broker": False, "worker": False}
