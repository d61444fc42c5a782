"""What providers allow, judged where requests arrive: a server of its own that counts who breaks its rules.

CORRAL_RECEIVER_JOBS sets how many jobs there are: 3,000, a minute, for the whole test, less for a quick look; CORRAL_RECEIVER_WORKERS
how many workers: 8, fewer where few processors are.
"""

import os
import signal
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from tests.faults.client import Engine
from tests.faults.outside.receiver import KEY, Receiver, most_within, used
from tests.faults.system import System
from tests.fixtures.process import Process
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually, lasts

from corral.actions.submissions.job_request import NewSubmission
from corral.catalog.record import declaration_of, record_of
from corral_jobs.provider import request, slots

pytestmark = pytest.mark.timeout(900)

JOBS = int(os.environ.get("CORRAL_RECEIVER_JOBS", "3000"))
WORKERS = int(os.environ.get("CORRAL_RECEIVER_WORKERS", "8"))
PER_SECOND = 50
QUERIES_PER_SECOND = 10
TRANSIT = 0.1
SLOTS = 160
"""More than what is under way at the rate: a job takes longer than its request, and its slot is its own until it has ended."""
USED = 0.95


@pytest.fixture
def receiver(system: System) -> Iterator[Receiver]:
    """The stand-ins, registered as providers."""

    async def register(engine: Engine) -> None:
        await engine.store.registration.register([record_of(request)], limits=[declaration_of(slots)])
        google = {"url": f"{receiver.url}/google", "headers": {"X-Goog-Api-Key": "env:PROVIDER_GOOGLE"}}
        limits = {"slots": SLOTS, "per_second": PER_SECOND, "transit": TRANSIT}
        await engine.store.providers.set("google", {**google, **limits}, "test", None)
        overpass = {
            "url": f"{receiver.url}/overpass/api",
            "slots": 2,
            "per_second": QUERIES_PER_SECOND,
            "per_day": 10_000,
        }
        await engine.store.providers.set("overpass", overpass, "test", None)

    with Receiver(system.folder) as receiver:
        system.client.call(register)
        yield receiver


def started(system: System, **settings: object) -> Process:
    os.environ["PROVIDER_GOOGLE"] = KEY
    try:
        return system.worker(jobs="", handlers="", outgoing_allow="127.0.0.1/32", slots_async=20, **settings)
    finally:
        del os.environ["PROVIDER_GOOGLE"]


def submitted(system: System, count: int, provider: str, path: str, **fields: Any) -> list[UUID]:
    payload = {"provider": provider, "path": path, **fields}

    async def submit(engine: Engine) -> list[UUID]:
        group = [NewSubmission(type="http.request", payload=payload, retries=20) for _ in range(count)]
        return [one.id for one in await engine.submitter.submit_many(group)]

    return system.client.call(submit)


def queries(system: System, count: int) -> list[UUID]:
    """Jobs that ask `overpass` for ways."""
    query = '[out:json];(way["a"](0,0,0.01,0.01););out geom;'
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"data={query}"
    return submitted(system, count, "overpass", "interpreter", method="POST", headers=form, body=body)


@pytest.mark.more
@pytest.mark.parametrize(("provider", "rate"), [("google", PER_SECOND), ("overpass", QUERIES_PER_SECOND)])
def test_a_rate_is_used_to_ninety_five_percent_and_never_exceeded(
    system: System, receiver: Receiver, provider: str, rate: int
):
    """Eight workers, a minute of jobs, one provider, no fault: of `overpass` its rate binds, and not its two slots."""
    system.maintenance()
    for _ in range(WORKERS):
        started(system)
    count = JOBS * rate // PER_SECOND
    jobs = submitted(system, count, "google", "v1") if provider == "google" else queries(system, count)
    system.until_ended(jobs, seconds=600)
    came, told = receiver.arrivals(provider), receiver.counts(provider)
    print(provider, told)  # noqa: T201
    assert most_within(came, 1) <= rate
    assert told["violations"] == {}
    assert system.states(jobs) == {"completed": count}
    share = used(came[:-rate], rate, 1)
    print(f"used {share:.3f} of {rate} a second, on average over {came[-1] - came[0]:.1f} s")  # noqa: T201
    assert share >= USED


def test_no_fault_makes_a_worker_break_a_providers_rules(system: System, receiver: Receiver):
    """Redis wiped, a worker frozen until its jobs run elsewhere, a slow network, the leader killed: no violation, no job lost."""
    leader = system.maintenance()
    with Proxy(system.client.database_url) as slow:
        workers = [started(system, database_url=slow.url) for _ in range(WORKERS // 2)]
        workers += [started(system) for _ in range(WORKERS - WORKERS // 2)]
        jobs = submitted(system, JOBS, "google", "v1")
        jobs += queries(system, JOBS // 10)
        eventually(lambda: receiver.counts("google")["counts"].get("200", 0) >= 30, timeout=60)
        with system.redis() as client:
            client.flushall()
        workers[-1].send(signal.SIGSTOP)
        slow.delay(0.2)
        leader.kill()
        system.maintenance()
        eventually(lambda: system.stalled() > 0 or system.lost_workers() > 0, timeout=90)
        lasts(5)  # frozen for longer than its jobs have been elsewhere
        workers[-1].send(signal.SIGCONT)
        with system.redis() as client:
            client.flushall()
        slow.heal()
        system.until_ended(jobs, seconds=600)
    for provider in ("google", "overpass"):
        told = receiver.counts(provider)
        print(provider, told)  # noqa: T201
        assert told["violations"] == {}, told
    assert system.states(jobs) == {"completed": len(jobs)}
