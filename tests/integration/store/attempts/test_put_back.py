"""Whatever happens between a claim and its put-back, an attempt begins at most once and is its worker's own (protocol rule 15)."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from tests.contract.subjects import of_store
from tests.integration.store.attempts.returning_workers import Story
from tests.integration.store.limits.limit_uses import IN_USE, ONE, group

from corral.ids import new_id
from corral.job.state import State
from corral.store import Store
from corral.store.attempts import claims
from corral_testing.subject import ERRED, EXHAUSTED, RELEASED, SUCCEEDED
from corral_testing.values import TYPE

PLACES = st.integers(0, 1)
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from([False, False, False, True])),
    *[
        st.tuples(st.just("claim"), PLACES, st.integers(1, 5), st.integers(0, 2), st.booleans())
        for _ in range(3)
    ],
    st.tuples(st.just("begin_held"), PLACES),
    *[
        st.tuples(st.just("put_back"), PLACES, st.sampled_from(["heard", "lost", "not sent"]))
        for _ in range(2)
    ],
    *[st.tuples(st.just("repeat"), PLACES, st.integers(0, 5)) for _ in range(2)],
    st.tuples(st.just("end"), PLACES, st.sampled_from([SUCCEEDED, ERRED, EXHAUSTED, RELEASED])),
    st.tuples(st.just("time_out"), PLACES),
    st.tuples(st.just("beat"), PLACES),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("drain"), PLACES),
    st.tuples(st.just("gone"), PLACES, st.sampled_from(["lost", "stopped"])),
)
ANSWER_LOST = [
    ("claim", 0, 3, 1, False),
    ("put_back", 0, "lost"),
    ("claim", 0, 3, 3, False),
    ("repeat", 0, 0),
]
"""A put-back is written, its answer lost, and repeated after the worker has claimed the same jobs again."""
GIVES_BACK = "in_use = CASE"
STAMP = " AND j.claim = %(claim)s"


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=8, max_size=40))
@example(steps=ANSWER_LOST)
def test_whatever_happens_an_attempt_begins_once_and_is_its_workers_own(
    shared_url: str, steps: list[tuple[Any, ...]]
) -> None:
    asyncio.run(_follow(shared_url, steps))


def test_without_the_stamp_a_repeated_put_back_takes_a_later_claim(
    shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claims.PUT_BACK.count(STAMP) == 1
    monkeypatch.setattr(claims, "PUT_BACK", claims.PUT_BACK.replace(STAMP, ""))
    with pytest.raises(AssertionError, match="taken from its worker"):
        asyncio.run(_follow(shared_url, ANSWER_LOST))


async def test_a_put_back_that_gives_nothing_back_is_found(
    shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _in_use_after_put_back(shared_url) == []
    assert claims.PUT_BACK.count(GIVES_BACK) == 1
    monkeypatch.setattr(
        claims, "PUT_BACK", claims.PUT_BACK.replace(GIVES_BACK, "in_use = k.in_use + 0 * CASE")
    )
    assert await _in_use_after_put_back(shared_url) == [("one", 2)]


async def _in_use_after_put_back(url: str) -> list[Any]:
    """What is in use of a limit after two jobs of it were claimed and put back."""
    async with of_store(url) as subject:
        assert isinstance(subject.store, Store)
        await subject.store.database.run("TRUNCATE corral.jobs, corral.queues, corral.limit_keys")
        await subject.declare("one", {"total": 3})
        worker, claim = await subject.worker(), new_id()
        ids = [await subject.submit(uses=ONE) for _ in range(2)]
        await subject.store.limit_claims.claim(worker, claim, {group(*ONE): 2}, [TYPE], alone=False)
        await subject.store.claims.put_back(worker, claim, ids)
        assert {(await subject.job(id)).state for id in ids} == {State.QUEUED}
        return await subject.store.database.run(IN_USE)


async def _follow(url: str, steps: list[tuple[Any, ...]]) -> None:
    async with of_store(url) as subject:
        assert isinstance(subject.store, Store)
        await subject.store.database.run(
            "TRUNCATE corral.jobs, corral.attempts, corral.queues, corral.unique_keys"
        )
        story = Story(subject, await subject.lead())
        for place in range(2):
            await story.hire(place)
        for name, *arguments in [*[("submit", False)] * 4, *steps]:
            await getattr(story, name)(*arguments)
            await story.check()
