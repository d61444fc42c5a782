"""Decisions about pools: kept once, read newest first."""

import pytest

from corral.errors import LeaseLost
from corral.ids import new_id
from corral.scaling.decision_record import ScalingDecision
from corral_testing.subject import Subject


def decision(pool: str = "io", number: int = 0) -> ScalingDecision:
    """One decision, the later the greater its id."""
    return ScalingDecision(
        id=new_id(),
        pool=pool,
        at=1_790_000_000.25 + number,
        before=number,
        after=number + 6,
        needed=17,
        ready=7,
        reason=f"{number} → {number + 6}: 1,820 s of work queued, objective 120 s",
        conditions=("Limited", "SignalLost") if number % 2 else (),
        backlog_jobs=10**10,
        backlog_seconds=1820.5,
        oldest_seconds=3.25,
    )


class Deciding:
    """The book of decisions."""

    async def test_a_decision_is_kept_once_however_often_it_is_told(self, subject: Subject) -> None:
        term, decisions = await subject.lead(), [decision(number=number) for number in range(3)]
        assert await subject.store.scaling.add([], term) == 0
        assert await subject.store.scaling.add(decisions[:2], term) == 2
        assert await subject.store.scaling.add(decisions, term) == 1
        page = await subject.store.scaling.page("io")
        assert (page.items, page.next) == (decisions[::-1], None)

    async def test_decisions_are_paged_by_pool_newest_first(self, subject: Subject) -> None:
        term, decisions = await subject.lead(), [decision(number=number) for number in range(5)]
        await subject.store.scaling.add([*decisions, decision("cpu")], term)
        found, cursor = [], None
        for _ in range(3):
            page = await subject.store.scaling.page("io", cursor=cursor, limit=2)
            found.append(list(page.items))
            cursor = page.next
        assert found == [[decisions[4], decisions[3]], [decisions[2], decisions[1]], [decisions[0]]]
        assert cursor is None

    async def test_decisions_are_kept_in_the_name_of_a_term(self, subject: Subject) -> None:
        term = await subject.lead()
        await subject.lead()
        with pytest.raises(LeaseLost):
            await subject.store.scaling.add([decision()], term)
        assert (await subject.store.scaling.page("io")).items == []
