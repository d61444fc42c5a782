"""Whatever happens to the lanes, list, set and parked entries are of the same jobs, each once (I5)."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from corral.dispatch import Ack, Dispatch, Done, Entry, Move, Park, Return, Verdict
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority

LANES = [
    Lane("email", Priority.NORMAL),
    Lane("email", Priority.HIGH),
    Lane("video", Priority.NORMAL),
    Lane("video", Priority.NORMAL, suspect=True),
]
JOBS = [new_id() for _ in range(12)]

lanes = st.sampled_from(LANES)
jobs = st.lists(st.sampled_from(JOBS), min_size=1, max_size=6)
verdicts = st.one_of(
    st.just(Done()),
    st.booleans().map(Return),
    st.sampled_from([0.0, 0.001, 60.0]).map(Park),
    lanes.map(Move),
)


class Interleavings(RuleBasedStateMachine):
    """Several clients at once, as Redis sees them: one script after another, in any order.

    `queued` is what Postgres would say: jobs that wait, with the lane in which they belong.
    """

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = Redis.from_url(self.url, decode_responses=True)
        self.dispatch = Dispatch.open(self.url)
        self.queued: dict[UUID, Lane] = {}
        self.held: list[Entry] = []

    def teardown(self) -> None:
        self.run(self.dispatch.close())
        self.runner.close()
        self.redis.close()

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(step)

    @initialize()
    def begin_empty(self) -> None:
        self.redis.flushall()

    @rule(lane=lanes, ids=jobs, front=st.booleans())
    def enqueue(self, lane: Lane, ids: list[UUID], front: bool) -> None:
        self.queued |= dict.fromkeys(ids, lane)
        self.run(self.dispatch.lanes.enqueue([Entry(lane, job) for job in ids], front=front))

    @rule(asked=st.lists(lanes, min_size=1, max_size=4, unique=True), room=st.integers(0, 8))
    def pop(self, asked: list[Lane], room: int) -> None:
        found = self.run(self.dispatch.lanes.pop("w", asked, room, wait=True))
        assert len(found.popped) <= room
        self.held += [Entry(lane, job) for lane, job in found.popped]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), verdict=verdicts)
    def answer(self, data: st.DataObject, verdict: Verdict) -> None:
        entry = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if isinstance(verdict, Done):
            self.queued.pop(entry.id, None)  # claimed, or gone
        elif isinstance(verdict, Move) and entry.id in self.queued:
            self.queued[entry.id] = verdict.lane
        self.run(self.dispatch.lanes.ack([Ack(entry.lane, entry.id, verdict)]))

    @precondition(lambda self: self.held)
    @rule()
    def a_worker_dies_with_all_it_popped(self) -> None:
        self.held.clear()
        for lane in LANES:
            for job, _ in self.redis.zrange(f"corral:popped:{lane.name}", 0, -1, withscores=True):
                self.redis.zincrby(f"corral:popped:{lane.name}", -60_000, job)

    @rule()
    def redis_is_wiped(self) -> None:
        self.redis.flushall()

    @rule(lane=lanes)
    def rebuild(self, lane: Lane) -> None:
        self.run(self.dispatch.repair.rebuild(lane))

    @rule()
    def sweep(self) -> None:
        """As the leader does it: stale pops are forgotten, then every queued job is asked for."""
        self.run(self.dispatch.repair.prune_popped(LANES, stale_seconds=15))
        for lane in LANES:
            ids = [job for job, home in self.queued.items() if home == lane]
            found = self.run(self.dispatch.repair.missing(lane, ids, stale_seconds=15))
            self.run(self.dispatch.lanes.enqueue([Entry(lane, job) for job in found.ids], front=True))
        for job, lane in self.queued.items():
            assert str(job) in self.known(lane), "a queued job that nobody will ever look at"

    def known(self, lane: Lane) -> set[str]:
        popped = self.redis.zrange(f"corral:popped:{lane.name}", 0, -1)
        return set(self.redis.smembers(f"corral:in:{lane.name}")) | set(popped)

    @invariant()
    def set_list_and_parked_entries_are_of_the_same_jobs_each_once(self) -> None:
        for lane in LANES:
            listed = self.redis.lrange(f"rq:queue:{lane.name}", 0, -1)
            parked = self.redis.zrange(f"corral:parked:{lane.name}", 0, -1)
            assert sorted(listed + parked) == sorted(self.redis.smembers(f"corral:in:{lane.name}"))

    @invariant()
    def nothing_disagrees(self) -> None:
        assert self.run(self.dispatch.repair.disagreements()) == []


@pytest.mark.slow
def test_no_interleaving_breaks_the_lanes_and_the_sweep_heals_any_wipe(redis_url: str):
    class Here(Interleavings):
        url = redis_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=30,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
