"""Result 9. Readers of others see the queues; and a helm that waits is never held up by what is not its business."""

from collections.abc import Iterator

import pytest
from tests.cluster.cluster import apply, until
from tests.cluster.goals import Goals
from tests.cluster.load.ledger import Ledger
from tests.cluster.release import Release, pool

QUEUED = 7
WAIT_SECONDS = 150
IO = pool("io", ["demo"], minReplicas=1, maxReplicas=4, slots=2)
IO["scaleDown"] = {"stabilizationSeconds": 5, "drainTimeoutSeconds": 300}


@pytest.fixture(scope="module")
def installed(release: Release) -> Release:
    """With a pool of at least one worker, and Redis where the chart puts it."""
    release.install({"pools": [IO]})
    return release


@pytest.fixture
def waiting(installed: Release) -> Iterator[Release]:
    """Jobs that wait, because their queue is paused."""
    client = installed.client
    client.post("/queues/demo/pause")
    client.submit_many("demo.echo", list(range(QUEUED)), "waiting")
    yield installed
    client.post("/queues/demo/resume")
    client.wait_quiet("demo", 60)


def test_stock_rq_info_reads_queues_and_workers(waiting: Release) -> None:
    def read() -> bool:
        (worker, *_) = waiting.namespace.wait_ready("worker", len(waiting.namespace.pods("worker")), 30)
        name = worker["metadata"]["name"]
        said = waiting.namespace.exec(
            name, "sh", "-c", 'rq info --raw --url "redis://:$CORRAL_REDIS_PASSWORD@corral-redis:6379/0"'
        )
        assert f"queue demo {QUEUED}, 0 executing" in said, said
        assert any(line.startswith("worker ") and name in line for line in said.splitlines()), said
        return True

    until(read, "rq info shows what waits and who works", 60)


def test_kedas_query_reads_what_waits_and_runs(installed: Release) -> None:
    """KEDA's Redis scaler asks for the length of a list; the chart's ScaledObject names it."""
    installed.client.submit_many("demo.sleep", [{"seconds": 12.0}] * QUEUED, "demand")

    def length(expected: int) -> bool:
        said = installed.namespace.exec(installed.redis_pod(), "redis-cli", "LLEN", "corral:demand:demo")
        assert said.strip() == str(expected), said
        return True

    until(lambda: length(QUEUED), f"the list is {QUEUED} long", 20)
    installed.client.wait_quiet("demo", 90)
    until(lambda: length(0), "the list is empty", 20)


def test_an_upgrade_that_waits_does_not_wait_for_drains(installed: Release, goals: Goals) -> None:
    client = installed.client
    lengths = [45.0] * 2 + [2.0] * 6
    accepted = client.submit_many("demo.sleep", [{"seconds": seconds} for seconds in lengths], "draining")
    until(lambda: client.pool("io")["draining"], "a worker is asked to drain", 120)
    seconds = installed.upgrade({"pools": [IO], "publisher": {"podAnnotations": {"tests/round": "1"}}})
    goals.at_most("helm upgrade --wait while draining, seconds", seconds, WAIT_SECONDS)
    client.wait_quiet("demo", 120)
    Ledger.of(client, "draining", accepted).check(goals, "helm upgrade while draining")


def test_an_upgrade_that_waits_does_not_wait_for_redis(installed: Release, goals: Goals) -> None:
    name = {"name": "redis-elsewhere", "namespace": installed.namespace.name}
    apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": name,
            "stringData": {"redis-password": "nobody answers"},
        }
    )
    away = {
        "enabled": False,
        "external": {"host": "redis-that-is-away"},
        "auth": {"existingSecret": "redis-elsewhere"},
    }
    seconds = installed.upgrade({"pools": [IO], "redis": away}, seconds=WAIT_SECONDS)
    goals.at_most("helm upgrade --wait without Redis, seconds", seconds, WAIT_SECONDS)
    pools = installed.namespace.every("workerpools")
    conditions = {one["type"]: one["status"] for one in pools[0]["status"]["conditions"]}
    goals.note(f"helm upgrade --wait without Redis: the pool's conditions {conditions}")
    assert conditions["Ready"] == "True"
