"""Rates of calls: no window holds more, also after a wipe; Postgres knows what Redis may forget (rule 13)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.integration.worker.system import System

from corral.actions.limits.call_budgets import BudgetTake, CallBudgets
from corral.dispatch import Dispatch, key_names
from corral.dispatch.budgets import BudgetBusy, Budgets, BudgetTaken, BudgetToNote, BudgetUnknown
from corral.errors import BudgetExhausted, InvalidInput
from corral.ids import new_id
from corral.job.budget import BudgetState, BudgetTerms
from corral.store.limits.budget_notes import BudgetNotes, terms_of
from corral.store.postgres.json_text import encode

DECLARE = """
INSERT INTO corral.limits (name, declared, version) VALUES (%(name)s, %(values)s::jsonb, '1')
ON CONFLICT (name) DO UPDATE SET declared = excluded.declared
"""
DAY = {"kind": "rate", "rate": 100, "per": 86_400, "cost": 1, "at": "call", "deadline": 5}
SOON = {"kind": "rate", "rate": 3, "per": 0.4, "cost": 1, "at": "call", "deadline": 0.2}
BUCKET = {
    "kind": "rate",
    "rate": 100_000,
    "per": 86_400,
    "cost": 1,
    "burst": 1000,
    "at": "call",
    "deadline": 5,
}


async def declare(system: System, **limits: dict[str, object]) -> CallBudgets:
    for name, values in limits.items():
        await system.store.database.run(DECLARE, {"name": name, "values": encode(values)})
    return CallBudgets(system.store, system.dispatch)


async def taken(budgets: CallBudgets, name: str, most: int = 1000) -> int:
    """How often something can be taken now."""
    for count in range(most):
        try:
            await budgets.take(name, timeout=0.05)
        except BudgetExhausted:
            return count
    return most


async def test_no_window_holds_more_than_the_rate_and_the_deadline_is_part_of_it(system: System):
    budgets = await declare(system, soon=SOON)
    asked, granted = [], []
    for number in range(7):
        asked.append(time.monotonic())
        await budgets.take("soon", timeout=0 if number < 3 else None)  # three at once
        granted.append(time.monotonic())
    for before, after in zip(asked[:3], granted[3:], strict=False):
        assert after - before > 0.6 - 0.05, "a window of per and deadline holds three"
    assert granted[6] - asked[0] > 2 * (0.6 - 0.05)


async def test_two_processes_share_a_budget(system: System):
    one = await declare(system, day=DAY)
    other = CallBudgets(system.store, system.dispatch)
    counts = await asyncio.gather(taken(one, "day"), taken(other, "day"))
    assert sum(counts) == 100


async def test_after_a_wipe_nothing_is_taken_that_may_have_been_taken_before(system: System):
    budgets = await declare(system, day=DAY)
    before = await taken(budgets, "day", 42)
    for _ in range(2):
        await system.dispatch.rings._redis.flushall()
        before += await taken(budgets, "day", 20)
    await system.dispatch.rings._redis.flushall()
    before += await taken(budgets, "day")
    assert 100 - 3 * 5 <= before <= 100, "a wipe loses a twentieth at most, and gives nothing"


async def test_after_a_wipe_a_short_window_is_closed_once(system: System):
    budgets = await declare(system, soon=SOON)
    assert await taken(budgets, "soon", 3) == 3
    await system.dispatch.rings._redis.flushall()
    began = time.monotonic()
    await budgets.take("soon")
    assert 0.55 < time.monotonic() - began < 10


async def test_a_bucket_that_was_wiped_has_no_more_than_was_left(system: System):
    budgets = await declare(system, large=BUCKET)
    await budgets.take("large", cost=600)
    await system.dispatch.rings._redis.flushall()
    with pytest.raises(BudgetExhausted) as error:
        await budgets.take("large", cost=500, timeout=0.05)
    assert error.value.after > 60
    await budgets.take("large", cost=250)


async def test_without_notes_a_wipe_gives_the_budget_twice(system: System, monkeypatch: pytest.MonkeyPatch):
    budgets = await declare(system, day=DAY)
    assert await taken(budgets, "day", 60) == 60

    async def forgotten(self: BudgetNotes, limit: str, key: str = "") -> None: ...

    monkeypatch.setattr(BudgetNotes, "read", forgotten)
    await system.store.database.run("DELETE FROM corral.limit_keys")
    await system.dispatch.rings._redis.flushall()
    assert await taken(budgets, "day", 60) == 60


async def test_a_note_that_slept_changes_nothing(system: System):
    budgets = await declare(system, day=DAY)
    await taken(budgets, "day", 3)
    notes = system.store.budget_notes
    old = await notes.read("day")
    assert old is not None
    newer = await notes.note("day", "", after=old.version, state=BudgetState((1.0,), (9.0,)), reserved=5)
    assert newer is not None
    assert await notes.note("day", "", after=old.version, state=BudgetState(), reserved=5) is None
    read = await notes.read("day")
    assert read is not None
    assert (read.version, read.state.amounts, read.reserved) == (newer, (9.0,), 5)
    assert await taken(budgets, "day") == 2 + 100 - 9 - 5, "two were still reserved; then that note counts"


async def test_an_older_redis_is_not_believed(system: System):
    budgets, redis = await declare(system, day=DAY), system.dispatch.rings._redis
    await redis.set(key_names.EPOCH, "one/1:1")
    await taken(budgets, "day", 2)
    saved = {key: await redis.dump(key) for key in (key_names.BUDGET + "day", key_names.BUDGET_TAKES + "day")}
    await taken(budgets, "day", 90)
    for key, value in saved.items():
        await redis.restore(key, 0, value, replace=True)
    await redis.set(key_names.EPOCH, "two/1:2")
    assert await taken(budgets, "day") <= 8


async def test_what_comes_too_late_is_given_back_and_asked_for_again(system: System):
    budgets = await declare(system, day=DAY)
    now = time.monotonic

    class Frozen(CallBudgets):
        frozen = 1

        async def _once(self, asked: object) -> BudgetTake | float | None:
            answer = await super()._once(asked)  # type: ignore[arg-type]
            if isinstance(answer, BudgetTake) and self.frozen:
                self.frozen -= 1
                self._clock = lambda: now() + 6
            return answer

    await Frozen(system.store, system.dispatch).take("day")
    assert await taken(budgets, "day") == 99


async def test_a_settled_take_counts_what_it_was(system: System):
    budgets = await declare(system, day=DAY, large=BUCKET)
    take = await budgets.take("day", cost=40)
    take = await budgets.settle(take, 90)
    with pytest.raises(BudgetExhausted):
        await budgets.take("day", cost=11, timeout=0)
    take = await budgets.settle(take, 10)
    await system.dispatch.rings._redis.flushall()
    with pytest.raises(BudgetExhausted):
        await budgets.take("day", cost=50, timeout=0)
    bucket = await budgets.take("large", cost=1000)
    await budgets.settle(bucket, 100)
    await budgets.take("large", cost=900)


async def test_pauses_overrides_and_mistakes(system: System):
    budgets = await declare(
        system, day=DAY, rate={"rate": 5, "per": 1, "cost": 1}, limit={"total": 1}, keyed=DAY | {"by": "customer", "cost": "n"}
    )  # fmt: skip
    for name, options, told in (
        ("nowhere", {}, "no limit 'nowhere'"),
        ("rate", {}, 'declared with at="call"'),
        ("limit", {}, "limit is a limit"),
        ("day", {"cost": 101}, "lets 100 be taken in its window"),
        ("day", {"cost": -1}, "must be a number of 0 or more"),
        ("day", {"key": "a"}, "has no keys"),
    ):
        with pytest.raises(InvalidInput, match=told):
            await budgets.take(name, **options)
    take = await budgets.take("keyed", payload={"customer": "acme", "n": 7})
    assert (take.key, take.cost) == ("acme", 7)
    assert (await budgets.take("keyed", key="zeta", cost=100)).key == "zeta"
    await system.store.database.run(
        "INSERT INTO corral.limit_overrides (limit_name, key, paused_at, set_by) VALUES ('day', '', now(), 'ann')"
    )
    with pytest.raises(BudgetExhausted):
        await CallBudgets(system.store, system.dispatch).take("day", timeout=0.1)
    terms = terms_of(DAY)
    assert await budgets.left("keyed", {"acme": terms, "zeta": terms, "other": terms}) == {
        "acme": 93,
        "zeta": 0,
        "other": None,
    }


@asynccontextmanager
async def begun(dispatch: Dispatch, terms: BudgetTerms, state: BudgetState) -> AsyncIterator[Budgets]:
    budgets = dispatch.budgets
    assert isinstance(await budgets.take("b", new_id(), 1, terms), BudgetUnknown)
    await budgets.begin("b", terms, state, "", 5.0)
    told = await budgets.take("b", new_id(), 1, terms)
    assert isinstance(told, BudgetToNote)
    await budgets.noted("b", told, "v", 5.0)
    yield budgets


async def test_a_note_is_asked_for_after_as_much_as_it_reserves(dispatch: Dispatch):
    terms = BudgetTerms(100, 86_400, 5, 10)
    async with begun(dispatch, terms, BudgetState()) as budgets:
        for _ in range(5):
            assert isinstance(await budgets.take("b", new_id(), 1, terms), BudgetTaken)
        told = await budgets.take("b", new_id(), 1, terms)
        assert isinstance(told, BudgetToNote)
        assert (told.version, told.counted, sum(told.state.amounts)) == ("v", 5, 5)
        assert isinstance(await budgets.take("b", new_id(), 1, terms), BudgetBusy), "one notes for all"
        await budgets.noted("b", told, "w", 5.0)
        assert isinstance(await budgets.take("b", new_id(), 1, terms), BudgetTaken)
        await budgets.drop("b", "v")
        assert isinstance(await budgets.take("b", new_id(), 1, terms), BudgetTaken), (
            "it is not that one any more"
        )
        await budgets.drop("b", "w")
        assert isinstance(await budgets.take("b", new_id(), 1, terms), BudgetUnknown)


async def test_many_small_takes_are_kept_in_bounds(dispatch: Dispatch):
    terms = BudgetTerms(1000, 10, 1, 100)
    state = BudgetState(tuple(number / 400 for number in range(2000, 0, -1)), (0.4,) * 2000)
    async with begun(dispatch, BudgetTerms(1000, 10, 1, 100), state) as budgets:
        await budgets.take("b", new_id(), 1, terms)
        assert await dispatch.rings._redis.zcard(key_names.BUDGET_TAKES + "b") == 2000
        assert await budgets.left({"b": terms}) == {"b": pytest.approx(199)}
