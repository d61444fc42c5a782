"""Whatever happens, what is in use of a limit is what runs, and the fake says the same."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.contract.subjects import of_fake, of_store
from tests.integration.store.limits.limit_uses import ACME, IN_USE, ONE, OTHER, RUNS, group

from corral.ids import new_id
from corral.job.limit_use import LimitUse
from corral.store import Store
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, RELEASED, SUCCEEDED, Subject
from corral_testing.values import TYPE

USES = [ONE, ACME, OTHER, (*ONE, *ACME), (*ONE, *OTHER), (LimitUse("one", cost=1.5),), (*ACME, *OTHER)]
BOUNDS = {"one": 3.0, "customer=acme": 2.0, "customer=other": 2.0}
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.integers(0, len(USES) - 1)),
    st.tuples(st.just("claim"), st.integers(0, 1), st.sets(st.integers(0, len(USES) - 1), min_size=1)),
    st.tuples(
        st.just("end"),
        st.integers(0, 20),
        st.sampled_from([SUCCEEDED, ERRED, EXHAUSTED, RELEASED, CANCELLED]),
    ),
    st.tuples(st.just("put back"), st.integers(0, 20)),
    st.tuples(st.just("lose"), st.integers(0, 1)),
    st.tuples(st.just("stop"), st.integers(0, 1)),
)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=5, max_size=25))
def test_whatever_happens_what_is_in_use_is_what_runs_and_the_fake_agrees(
    shared_url: str, steps: list[tuple[Any, ...]]
) -> None:
    asyncio.run(_follow(shared_url, steps))


async def _follow(url: str, steps: list[tuple[Any, ...]]) -> None:
    async with of_store(url) as real:
        assert isinstance(real.store, Store)
        await real.store.database.run("TRUNCATE corral.jobs, corral.attempts, corral.limit_keys")
        subjects = [real, of_fake()]
        for subject in subjects:
            await subject.declare("one", {"total": 3})
            await subject.declare("customer", {"each": 2})
        workers = [[await subject.worker() for _ in range(2)] for subject in subjects]
        terms = [await subject.lead() for subject in subjects]
        running: list[list[tuple[UUID, UUID, int, UUID]]] = [[], []]
        for step in [*[("submit", n % len(USES)) for n in range(9)], *steps]:
            told = []
            for n, subject in enumerate(subjects):
                told.append(await _step(subject, step, workers[n], terms[n], running[n]))
                await subject.advance(1)
            assert told[0] == told[1], step
            runs = dict(await real.store.database.run(RUNS))
            assert dict(await real.store.database.run(IN_USE)) == pytest.approx(runs), step
            assert all(cost <= BOUNDS[name] for name, cost in runs.items()), runs


async def _step(
    subject: Subject,
    step: tuple[Any, ...],
    workers: list[UUID],
    term: Any,
    running: list[tuple[UUID, UUID, int, UUID]],
) -> object:
    """Do one step; what can be compared of its answer."""
    match step:
        case "submit", use:
            await subject.submit(uses=USES[use])
        case "claim", worker, uses:
            for use in sorted(uses):  # one group at a time: the real store may take fewer where costs differ
                claim = new_id()
                answer = await subject.store.limit_claims.claim(
                    workers[worker], claim, {group(*USES[use]): 1}, [TYPE], alone=False
                )
                running += [(workers[worker], job.id, job.attempt, claim) for job in answer.claimed]
        case "end", which, outcome:
            if which < len(running):
                worker, id, attempt, _ = running.pop(which)
                recorded = await subject.finish(worker, id, attempt, outcome, limited=True)
                return len(running), recorded.verdict, recorded.limits
        case "put back", which:
            if which < len(running) and running[which][2] == 1:
                worker, id, _, claim = running.pop(which)
                return len(running), await subject.store.claims.put_back(worker, claim, [id])
        case _, which:
            gone = workers[which]
            if step[0] == "lose":
                await subject.lose(gone, term)
            else:
                await subject.store.workers.stop(gone)
            running[:] = [one for one in running if one[0] != gone]
            workers[which] = await subject.worker()
    return len(running)
