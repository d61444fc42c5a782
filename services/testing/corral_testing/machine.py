"""A Hypothesis state machine: whatever is done in whatever order, the store and the fake give the same answers.

Needs Hypothesis. `StoreMachine` is subclassed with the two stores that are
compared and the event loop that they live on.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from corral.errors import CorralError
from corral.ids import new_id
from corral.job.job import Job, NewJob
from corral.job.outcome import Erred, Exhausted, Finished, Outcome
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import BeyondSlots, Term, WorkerRecord
from corral_testing.job_steps import follows, shown
from corral_testing.subject import (
    CANCELLED,
    ERRED,
    EXHAUSTED,
    LONG,
    RELEASED,
    SNOOZED,
    SUCCEEDED,
    TIMED_OUT,
    Subject,
)
from corral_testing.values import TYPE

T = TypeVar("T")

QUEUES = ("one", "two")


class StoreMachine(RuleBasedStateMachine):
    """Does everything to both, and compares every answer and every job after every step."""

    jobs: Bundle[UUID] = Bundle("jobs")
    workers: Bundle[UUID] = Bundle("workers")
    claims: Bundle[tuple[UUID, UUID, list[UUID]]] = Bundle("claims")
    """Worker, id of the claim, and the jobs that it asked for."""

    runner: asyncio.Runner
    """The loop of both stores; outlives the machine."""

    async def emptied(self) -> tuple[Subject, Subject]:
        """The two stores, with nothing in them."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self._subjects = self._run(self.emptied())
        self._terms = [self._run(subject.lead()) for subject in self._subjects]
        self._ids: list[UUID] = []
        self._before: dict[UUID, tuple[State, int]] = {}

    @rule(
        target=jobs,
        delay=st.sampled_from([0.0, 0.0, 0.0, 60.5]),
        expires_in=st.sampled_from([None, None, 95.5]),
        max_stalls=st.integers(0, 2),
        queue=st.sampled_from(QUEUES),
        priority=st.sampled_from(list(Priority)),
        number=st.integers(1, 4),
    )
    def submit(self, number: int, **options: Any) -> Any:
        """Insert some jobs, alike but for their ids."""
        ids = [new_id() for _ in range(number)]
        base: dict[str, Any] = {"type": TYPE, "payload": "{}", "retries": 3, "timeout": None}
        new = [NewJob(id=id, **base, **options) for id in ids]
        self._both(
            lambda subject, _: subject.store.jobs.insert(new), lambda answer: [job.state for job in answer]
        )
        self._ids += ids
        return multiple(*ids)

    @rule(target=workers)
    def register(self) -> UUID:
        """A new worker."""
        id = new_id()
        record = WorkerRecord(
            id=id, name=str(id), host="h", pid=1, version="1", queues=QUEUES, types=(TYPE,), slots={}
        )
        self._both(lambda subject, _: subject.store.workers.register(record))
        return id

    @rule(
        target=claims,
        worker=workers,
        ids=st.lists(jobs, unique=True, max_size=6),
        alone=st.booleans(),
        free=st.sampled_from([None, None, 0, 2]),
        quick=st.sampled_from([(TYPE,), (TYPE,), ()]),
    )
    def claim(
        self, worker: UUID, ids: list[UUID], alone: bool, free: int | None, quick: Sequence[str]
    ) -> tuple[UUID, UUID, list[UUID]]:
        """Claim what may be claimable, for slots that are free or beyond them."""
        claim = new_id()
        beyond = None if free is None else BeyondSlots(free, quick)
        self._both(
            lambda subject, _: subject.store.claims.claim(
                worker, claim, ids, [TYPE], alone=alone, beyond=beyond
            ),
            lambda answer: (sorted(answer.claimed, key=lambda job: job.id), answer.refused),
        )
        return worker, claim, ids

    @rule(claimed=claims, number=st.integers(1, 6), other=st.none() | workers)
    def put_back(self, claimed: tuple[UUID, UUID, list[UUID]], number: int, other: UUID | None) -> None:
        """Put back what a claim took, and may have lost or ended since; or what another worker's did."""
        worker, claim, ids = claimed
        self._both(lambda subject, _: subject.store.claims.put_back(other or worker, claim, ids[:number]))

    @rule(
        worker=workers,
        ids=st.lists(jobs, unique=True, min_size=1, max_size=4),
        outcome=st.sampled_from([SUCCEEDED, SUCCEEDED, ERRED, EXHAUSTED, RELEASED, SNOOZED, CANCELLED]),
        behind=st.sampled_from([0, 0, 0, 1]),
    )
    def finish(self, worker: UUID, ids: list[UUID], outcome: Outcome, behind: int) -> None:
        """End attempts, some of which are not this worker's, or not the current ones."""
        attempts = {job.id: max(1, job.attempt - behind) for job in self._jobs(ids)}
        items = [Finished(id, attempts.get(id, 1), outcome) for id in ids]
        self._both(
            lambda subject, _: subject.store.attempts.finish(worker, items),
            lambda answer: [(one.id, one.verdict, one.state, one.suspect, one.due_in > 0) for one in answer],
        )

    @rule(worker=workers, ids=st.lists(jobs, unique=True, min_size=1, max_size=4), again=st.booleans())
    def time_out(self, worker: UUID, ids: list[UUID], again: bool) -> None:
        """Timeouts strike, of attempts some of which are not this worker's."""
        outcome = Erred(TIMED_OUT, retry_in=LONG) if again else Exhausted(TIMED_OUT)
        items = [Finished(job.id, max(1, job.attempt), outcome) for job in self._jobs(ids)]
        self._both(lambda subject, _: subject.store.attempts.time_out(worker, items))

    @rule(
        ids=st.lists(jobs, unique=True, max_size=3), command=st.sampled_from(["cancel", "retry", "run_now"])
    )
    def command(self, ids: list[UUID], command: str) -> None:
        """What people ask for."""
        self._both(lambda subject, _: getattr(subject.store.jobs, command)(ids, "ann"))

    @rule(queue=st.sampled_from(QUEUES), pause=st.booleans())
    def pause_or_resume(self, queue: str, pause: bool) -> None:
        """A queue is named by then."""
        action = "pause" if pause else "resume"
        self._both(lambda subject, _: subject.store.queues.name([queue]))
        self._both(
            lambda subject, _: getattr(subject.store.queues, action)(queue, "ann"),
            lambda answer: (answer.paused, answer.paused_by),
        )

    @rule(seconds=st.sampled_from([7.0, 31.0, 101.0]))
    def advance(self, seconds: float) -> None:
        """Time passes; no sum of these is a limit, as the store's own clock runs on meanwhile."""
        self._both(lambda subject, _: subject.advance(seconds))

    @rule(
        queue=st.sampled_from(QUEUES),
        states=st.lists(st.sampled_from(list(State)), unique=True, max_size=4),
        older_than=st.sampled_from([0.0, 50.0]),
    )
    def clean(self, queue: str, states: list[State], older_than: float) -> None:
        """What has ended is removed; a queue is named by then."""
        self._both(lambda subject, _: subject.store.queues.name([queue]))
        self._both(lambda subject, _: subject.store.queues.clean(queue, states, older_than, "ann"), sorted)

    @rule(limit=st.integers(1, 3))
    def fold(self, limit: int) -> None:
        """Some of what was counted since is folded: it changes no number."""
        self._both(lambda subject, term: subject.store.duties.fold_stats(term, limit), lambda _: None)

    @rule()
    def promote(self) -> None:
        """Queue what is due."""
        self._both(
            lambda subject, term: subject.store.duties.promote(term),
            lambda answer: sorted((queued.id, queued.lane.name) for queued in answer),
        )

    @rule()
    def expire(self) -> None:
        """Cancel what was not claimed in time."""
        self._both(lambda subject, term: subject.store.duties.expire(term), sorted)

    @rule(
        worker=workers, how=st.sampled_from(["drain_for", "undrain"]), by=st.sampled_from(["pool:a", "ann"])
    )
    def scale(self, worker: UUID, how: str, by: str) -> None:
        """Whoever scales has a worker drain, or lifts that."""
        name = f"worker-{worker}"
        self._both(lambda subject, term: getattr(subject.store.workers, how)([name], by, term))

    @rule(worker=workers, how=st.sampled_from(["reclaim", "drain", "lift", "stop"]))
    def end_worker(self, worker: UUID, how: str) -> None:
        """A worker is lost, drained, let work again, or says goodbye."""
        observed = self._both(
            lambda subject, _: subject.store.workers.observations(),
            lambda answer: sorted((id, counter) for id, counter in answer if id == worker),
        )
        if how == "drain":
            if observed:
                self._both(lambda subject, _: subject.store.workers.drain(worker, "ann"))
        elif how == "lift":
            self._both(lambda subject, _: _lifted(subject, worker))
        elif how == "stop":
            self._both(lambda subject, _: subject.store.workers.stop(worker))
        else:
            counter = observed[0][1] if observed else 0
            self._both(lambda subject, term: subject.store.workers.reclaim(worker, counter, term))

    @rule(worker=workers, held=st.lists(jobs, unique=True, max_size=4))
    def beat(self, worker: UUID, held: list[UUID]) -> None:
        """A heartbeat that holds some of its jobs, and some that are not."""
        pairs = [(job.id, job.attempt) for job in self._jobs(held)]

        async def beat(subject: Subject, _: Term) -> Any:
            return await asyncio.to_thread(subject.heartbeat(worker).beat, pairs, {})

        self._both(
            beat,
            lambda beat: (
                beat.known,
                beat.draining,
                beat.cancels,
                beat.stolen,
                sorted((back.id, back.attempt, back.lane and back.lane.name) for back in beat.released),
            ),
        )

    @invariant()
    def the_stores_agree(self) -> None:
        """Every job is the same in both, and moved along the table; attempts rise, unless the first is put back."""
        one, other = (self._run(subject.store.jobs.many(self._ids)) for subject in self._subjects)
        assert [shown(job) for job in one] == [shown(job) for job in other]
        for job in one:
            state, attempt = self._before.get(job.id, (job.state, 0))
            assert follows(state, attempt, job), (state, attempt, job.state, job.attempt)
            self._before[job.id] = (job.state, job.attempt)

    @invariant()
    def the_stores_queue_alike(self) -> None:
        """What is queued is in the same lanes."""
        pages = [self._run(subject.store.duties.queued_page())[0] for subject in self._subjects]
        one, other = (sorted((queued.lane.name, queued.id) for queued in page) for page in pages)
        assert one == other

    @invariant()
    def the_counts_are_those_of_the_jobs(self) -> None:
        """Nothing is counted that is not there, and all that is."""
        there: dict[tuple[str, State], int] = {}
        for job in self._jobs(self._ids):
            there[job.queue, job.state] = there.get((job.queue, job.state), 0) + 1
        for subject in self._subjects:
            counted = self._run(subject.store.stats.counts_by_queue())
            assert there == {
                (queue, state): count
                for queue, states in counted.items()
                for state, count in states.items()
                if count
            }

    def _jobs(self, ids: list[UUID]) -> list[Job]:
        return self._run(self._subjects[0].store.jobs.many(ids))

    def _both(self, call: Any, shown: Any = lambda answer: answer) -> Any:
        answers = [
            shown(self._run(call(subject, term)))
            for subject, term in zip(self._subjects, self._terms, strict=True)
        ]
        assert answers[0] == answers[1]
        return answers[0]

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)


async def _lifted(subject: Subject, worker: UUID) -> object:
    """What a person's lift says, refusals included."""
    try:
        return await subject.store.workers.lift(worker, "ann")
    except CorralError as error:
        return type(error), str(error)
