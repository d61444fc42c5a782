"""Limits, judged where they matter: at a provider that counts its calls, while everything around it fails."""

import signal
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from tests.faults import invariants
from tests.faults.jobs import CALLER, CALLS, PROVIDER, STARTS
from tests.faults.outside.receiver import ReceivedCall, Receiver, busy, most_at_once, most_within, used
from tests.faults.system import System
from tests.fixtures.process import Process
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually, lasts

pytestmark = pytest.mark.timeout(540)

WORKERS = 8
JOBS = 2000
KEYS = ("a", "b", "c", "d", "e", "f")
SECONDS = 2.4
"""That the receiver takes to answer: 2,000 calls, 80 at once, are a minute."""
FROZEN_SECONDS = 25.0
LEASE = 20.0
"""Seconds: as shipped, so that a worker that is frozen for 25 is lost."""
LATENCY = 0.2
USED = 0.95
TAKING_SECONDS = 1.0
"""From the moment of a take, which the window counts from, to that of the claim's row, on a machine that does much else."""
CLAIMED = """
SELECT h.job::text AS job, h.attempt, extract(epoch FROM min(h.at) FILTER (WHERE h.after = 'running'))::float8 AS began,
       extract(epoch FROM min(h.at) FILTER (WHERE h.before = 'running'))::float8 AS ended
FROM public.history h WHERE h.after = 'running' OR h.before = 'running' GROUP BY 1, 2
"""
LOOKING_SECONDS = 1.0


@pytest.fixture
def receiver(system: System) -> Iterator[Receiver]:
    with Receiver(system.folder) as receiver:
        yield receiver


@pytest.fixture
def far(receiver: Receiver) -> Iterator[Proxy]:
    """The way to the receiver, which may be slow."""
    with Proxy(receiver.url) as proxy:
        yield proxy


class Callers:
    """Eight workers and two candidates for leadership, and 2,000 jobs that call the receiver."""

    def __init__(self, system: System, receiver: Receiver, url: str, slots: int = 24) -> None:
        self.system, self.receiver = system, receiver
        system.receiver = url
        self.leaders = [system.maintenance(lease=LEASE), system.maintenance(lease=LEASE, leads=False)]
        self.workers = [
            system.worker(lease=LEASE, slots_async=slots, queues="calls,work") for _ in range(WORKERS)
        ]

    def submit(self, type: str, seconds: float) -> list[UUID]:
        """All jobs, their keys in turn."""
        each = JOBS // len(KEYS)
        counts = {key: each + (n < JOBS % len(KEYS)) for n, key in enumerate(KEYS)}
        return [
            job
            for key, count in counts.items()
            for job in self.system.submit(count, type, key=key, seconds=seconds)
        ]

    def until_called(self, count: int) -> None:
        """Wait until so many calls came."""
        eventually(lambda: self.receiver.count >= count, timeout=200)

    def counted(self) -> list[ReceivedCall]:
        """The calls that count: what a lost worker does until it hears so does not."""
        attempts = {(row["job"], row["attempt"]): row for row in self.system.rows(CLAIMED)}
        calls = []
        for call in self.receiver.calls:
            ended = attempts[call.job, call.attempt]["ended"]
            if ended is None or call.came <= ended:
                calls.append(
                    call if ended is None or call.answered <= ended + LOOKING_SECONDS else _until(call, ended)
                )
        return calls


def _until(call: ReceivedCall, ended: float) -> ReceivedCall:
    """A call of an attempt that was taken from its worker: its slot was given back then."""
    return ReceivedCall(call.kind, call.job, call.attempt, call.key, call.came, ended)


def no_violation(callers: Callers) -> None:
    """Never more at once than the limit lets, in all and for each key."""
    calls = callers.counted()
    assert most_at_once(calls) <= (PROVIDER.total or 0)
    for key in KEYS:
        assert most_at_once(call for call in calls if call.key == key) <= (CALLER.each or 0), key


@pytest.mark.more
def test_without_faults_the_receiver_is_kept_busy_and_never_called_by_more_than_the_limit(
    system: System, receiver: Receiver
):
    callers = Callers(system, receiver, receiver.url)
    callers.submit("faults.call", SECONDS)
    callers.until_called(JOBS)
    system.until_ended(seconds=120)
    no_violation(callers)
    calls = receiver.calls
    came = sorted(call.came for call in calls)
    since, until = came[2 * (PROVIDER.total or 0)], came[-(PROVIDER.total or 0)]
    share = busy(calls, since, until) / (PROVIDER.total or 1)
    print(f"RECEIVER concurrency used {share:.3f} of the limit in {until - since:.1f} s")  # noqa: T201
    assert share >= USED
    invariants.limits_hold(system)
    invariants.all_completed(system)


def test_without_faults_a_rate_at_the_claim_is_used_and_never_exceeded(system: System, receiver: Receiver):
    rated(system, receiver)


@pytest.mark.more
def test_without_faults_a_rate_at_the_claim_is_used_nearly_whole(system: System, receiver: Receiver):
    """Where the machine does nothing else: a busy one starts fewer."""
    began = rated(system, receiver)
    share = used(began, STARTS.n, STARTS.per)
    print(f"RECEIVER rate at the claim used {share:.3f} in {began[-1] - began[0]:.1f} s")  # noqa: T201
    assert share >= USED


def rated(system: System, receiver: Receiver) -> list[float]:
    """When each job began; all of them within minutes, and no more than the rate lets."""
    callers = Callers(system, receiver, receiver.url)
    callers.submit("faults.rated", 0.1)
    callers.until_called(JOBS)
    system.until_ended(seconds=120)
    began = _starts(system)
    no_more_than_the_rate(began)
    invariants.all_completed(system)
    return began


def no_more_than_the_rate(began: list[float]) -> None:
    """In one window, and in several at a stretch, of which what a take may be late is a smaller part."""
    for windows in range(1, 10):
        most = most_within(began, windows * STARTS.per - TAKING_SECONDS)
        assert most <= windows * STARTS.n, f"{most} in {windows} windows"


@pytest.mark.more
def test_without_faults_a_budget_of_calls_is_used_and_the_receiver_never_sees_more(
    system: System, receiver: Receiver
):
    callers = Callers(system, receiver, receiver.url)
    callers.submit("faults.budgeted", 0.1)
    callers.until_called(JOBS)
    system.until_ended(seconds=120)
    came = sorted(call.came for call in receiver.calls)
    assert most_within(came, CALLS.per) <= CALLS.n
    share = used(came, CALLS.n, CALLS.per)
    print(f"RECEIVER budget of calls used {share:.3f} in {came[-1] - came[0]:.1f} s")  # noqa: T201
    assert share >= USED
    invariants.all_completed(system)


@pytest.mark.parametrize(
    "type",
    [
        pytest.param("faults.call", marks=pytest.mark.more),
        "faults.rated",
        pytest.param("faults.budgeted", marks=pytest.mark.more),
    ],
)
def test_whatever_fails_the_receiver_sees_no_more_than_the_limit_and_every_job_ends(
    system: System, receiver: Receiver, far: Proxy, type: str
):
    callers = Callers(system, receiver, far.url)
    far.delay(LATENCY)
    callers.submit(type, SECONDS if type == "faults.call" else 0.1)
    callers.until_called(100)
    frozen = callers.workers[0]
    frozen.send(signal.SIGSTOP)
    since = time.monotonic()
    faults: list[tuple[int, Callable[[], object]]] = [
        (300, lambda: _flush(system)),
        (500, lambda: _kill(callers.leaders[0])),
        (700, lambda: _flush(system)),
        (900, callers.workers[1].kill),
    ]
    for calls, fault in faults:
        callers.until_called(calls)
        fault()
    lasts(max(0.0, FROZEN_SECONDS - (time.monotonic() - since)))
    frozen.send(signal.SIGCONT)
    system.until_ended(seconds=240)
    assert system.lost_workers() >= 1, "the frozen worker was not lost"
    if type == "faults.call":
        no_violation(callers)
    elif type == "faults.budgeted":
        assert most_within((call.came for call in receiver.calls), CALLS.per) <= CALLS.n
    else:
        no_more_than_the_rate(_starts(system))
    assert {call.job for call in receiver.calls} >= {str(id) for id in system.accepted}
    invariants.check(system)
    invariants.all_completed(system)


def _starts(system: System) -> list[float]:
    return sorted(row["began"] for row in system.rows(CLAIMED))


def _flush(system: System) -> None:
    with system.redis() as client:
        client.flushall()


def _kill(part: Process) -> None:
    part.kill()
