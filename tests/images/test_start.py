"""How a worker's container starts and stops: measured from its first process to the claim of a waiting job."""

import json
from collections.abc import Iterator
from datetime import datetime
from statistics import median

import pytest
from bench.goal import Goal
from tests.images.belonging import IMAGES
from tests.images.rig import GRACE_SECONDS, Namespace, image

KEY = "corral_" + "a" * 43
DATABASE = {"CORRAL_DATABASE_URL": "postgresql://corral:secret@postgres:5432/corral"}
REDIS = {"CORRAL_REDIS_URL": "redis://redis:6379/0"}
OWN_TIME_SECONDS = 3.0
STARTS = 5


def environment(**given: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in (DATABASE | REDIS | given).items()]


@pytest.fixture(scope="module")
def system(tag: str, namespace: Namespace) -> Iterator[Namespace]:
    """Postgres, Redis and a publisher, each one pod; no worker yet."""
    namespace.run(
        "postgres",
        "postgres:17",
        user=999,
        scratch=["/var/lib/postgresql/data", "/var/run/postgresql"],
        env=[
            {"name": f"POSTGRES_{name}", "value": value}
            for name, value in {"USER": "corral", "PASSWORD": "secret", "DB": "corral"}.items()
        ]
        + [{"name": "PGDATA", "value": "/var/lib/postgresql/data/db"}],
    )
    namespace.run("redis", "redis:8", user=999, scratch=["/data"], args=["redis-server", "--save", ""])
    namespace.serve("postgres", 5432)
    namespace.serve("redis", 6379)
    publisher, worker = image("publisher", tag), image("worker", tag)
    namespace.run("migrate", publisher, args=["corral", "migrate", "up", "--wait", "80"], env=environment())
    namespace.finish("migrate")
    namespace.run("types", worker, args=["corral", "types", "register", "--wait", "80"], env=environment())
    namespace.finish("types")
    adopt = ["corral", "keys", "adopt", "--name", "admin", "--role", "admin"]
    namespace.run("adopt", publisher, args=adopt, env=environment(CORRAL_BOOTSTRAP_KEY=KEY))
    namespace.finish("adopt")
    probe = {"httpGet": {"path": "/readyz", "port": 8000}, "periodSeconds": 1}
    namespace.run("publisher", publisher, env=environment(), readinessProbe=probe)
    namespace.serve("publisher", 8000)
    yield namespace
    for name in ("publisher", "redis", "postgres"):
        namespace.remove(name)


def submit(system: Namespace, *arguments: str) -> str:
    """Submit a job from the publisher's pod; its id."""
    system.said("publisher", "publisher.starting")
    told = system.exec(
        "publisher",
        *("env", "CORRAL_URL=http://127.0.0.1:8000", f"CORRAL_KEY={KEY}"),
        *("corral", "jobs", "submit", "demo.echo", "--json", *arguments),
    )
    return json.loads(told)["id"]


def start(system: Namespace, name: str, tag: str) -> None:
    """A worker as the chart's default pool runs one; it says when its container started."""
    entry = "date '+container %s.%N'; exec python -m corral_worker"
    limits = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}
    system.run(
        name,
        image("worker", tag),
        args=["sh", "-c", entry],
        env=environment(CORRAL_QUEUES="demo"),
        resources=limits,
    )


def at(line: str) -> float:
    """When a line of the log was written, in Unix seconds."""
    return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()


@pytest.mark.timeout(400)
def test_a_worker_claims_a_waiting_job_within_three_seconds_of_its_containers_start(system, tag, say):
    told = []
    for number in range(STARTS):
        submit(system, "--payload", "{}")
        start(system, f"worker-{number}", tag)
        claimed = at(system.said(f"worker-{number}", "worker.first_claim"))
        began = float(system.said(f"worker-{number}", "container").split()[1])
        told.append(claimed - began)
        assert system.remove(f"worker-{number}") < 10
    goal = Goal("image-start-to-first-claim-seconds", median(told), "<=", OWN_TIME_SECONDS)
    starts = ", ".join(f"{seconds:.2f}" for seconds in sorted(told))
    say(f"container start to first claim, {STARTS} starts on this machine: {starts} s")
    say(goal.line())
    assert goal.met


@pytest.mark.parametrize("service", IMAGES)
def test_a_python_that_still_imports_ends_when_it_is_told_to(namespace, tag, service):
    """Process 1 has no default signals: without tini it would go on until it is killed after its grace."""
    importing = ["python", "-c", "print('importing', flush=True); import time; time.sleep(300)"]
    namespace.run(f"early-{service}", image(service, tag), args=importing)
    namespace.said(f"early-{service}", "importing")
    assert namespace.remove(f"early-{service}") < GRACE_SECONDS / 2
