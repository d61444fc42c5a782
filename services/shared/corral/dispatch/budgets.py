"""What was taken of rates of calls (protocol rule 13). Redis' time counts, and nobody else's.

Up to a rate of 1,000 each take of the window is kept; of a larger one it is what is left of a bucket. Postgres is told
now and then (`corral.job.budget`), so that a budget which was wiped begins with what may have been taken, and not anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from corral.dispatch.connection import answering, text_of
from corral.dispatch.scripts import Script, ScriptEffect
from corral.job.budget import BudgetState, BudgetTerms

_TAKE = Script("take_budget", ScriptEffect.FILLS, shared="budgets")
_KNOW = Script("know_budget", ScriptEffect.FILLS, shared="budgets")
_SETTLE = Script("settle_budget", ScriptEffect.FILLS, shared="budgets")
_ARRIVED = Script("arrived_budget", ScriptEffect.FILLS, shared="budgets")
_READ = Script("read_budgets", ScriptEffect.READS, shared="budgets")

NOTE_SECONDS = 30.0
"""How long a note in Postgres is good for: a row that is older than that and its window is forgotten there."""


@dataclass(frozen=True, slots=True)
class BudgetTaken:
    """It was taken."""

    counts_from: str
    """The time that it counts from, as Redis has it."""


@dataclass(frozen=True, slots=True)
class BudgetWait:
    """There is not enough."""

    seconds: float
    """After which there may be."""


@dataclass(frozen=True, slots=True)
class BudgetUnknown:
    """Redis knows nothing of it: ask Postgres, and say it with `begin`."""


@dataclass(frozen=True, slots=True)
class BudgetToNote:
    """Postgres has to know first: write this as the note that follows `version`, and say it with `noted`."""

    version: str
    counted: float
    """How much was taken since the note before."""
    time: str
    """When this was so, as Redis has it."""
    state: BudgetState


@dataclass(frozen=True, slots=True)
class BudgetBusy:
    """Somebody else tells Postgres just now: ask again in a moment."""


BudgetAnswer = BudgetTaken | BudgetWait | BudgetUnknown | BudgetToNote | BudgetBusy


class Budgets:
    """What was taken of rates of calls."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def take(self, name: str, take: UUID, cost: float, terms: BudgetTerms) -> BudgetAnswer:
        """Take of a budget under an id of its own, or learn what has to be done before.

        Raises:
            Unavailable: Redis is away, and it may have been taken.
        """
        slice_ms = terms.window * 1000 / terms.slices if terms.slices else 0
        arguments = [name, str(take), repr(cost), *_numbers(terms), repr(NOTE_SECONDS * 1000), repr(slice_ms)]
        async with answering():
            what, *rest = [text_of(part) for part in await _TAKE.run(self._redis, arguments)]
        match what:
            case "taken":
                return BudgetTaken(rest[0])
            case "wait":
                return BudgetWait(float(rest[0]) / 1000)
            case "note":
                version, counted, time, *state = rest
                return BudgetToNote(version, float(counted), time, _state(state, terms))
            case "busy":
                return BudgetBusy()
            case _:
                return BudgetUnknown()

    async def begin(
        self, name: str, terms: BudgetTerms, state: BudgetState, version: str, reserved: float
    ) -> None:
        """Begin with what may have been taken, as Postgres knows it; nothing where it is known by now.

        The next take asks for a note before it.

        Raises:
            Unavailable: Redis is away.
        """
        mode = "exact" if terms.exact else "bucket"
        arguments = ["begin", name, mode, version, repr(reserved), repr(state.tokens or 0.0)]
        for age, amount in zip(state.ages, state.amounts, strict=True):
            arguments += (repr(age * 1000), repr(amount))
        await self._know(arguments)

    async def noted(self, name: str, told: BudgetToNote, version: str, reserved: float) -> None:
        """Postgres has this note now, as `version`, and as much may be taken before the next one.

        Raises:
            Unavailable: Redis is away.
        """
        await self._know(
            ["noted", name, told.version, version, repr(told.counted), repr(reserved), told.time]
        )

    async def drop(self, name: str, version: str) -> None:
        """Forget what is known under this version: Postgres has another note.

        Raises:
            Unavailable: Redis is away.
        """
        await self._know(["drop", name, version])

    async def settle(
        self, name: str, take: UUID, before: float, after: float, correction: UUID, *, counts_from: str
    ) -> bool:
        """Correct what a take cost, under an id for what is added; whether it still counts.

        Raises:
            Unavailable: Redis is away.
        """
        arguments = [name, str(take), repr(before), repr(after), str(correction), counts_from]
        async with answering():
            return bool(await _SETTLE.run(self._redis, arguments))

    async def arrived(self, name: str, take: UUID, cost: float, deadline: float) -> None:
        """The call was answered: it arrived by now, and counts no longer than from now on.

        Raises:
            Unavailable: Redis is away; it counts as long as it would have without an answer.
        """
        async with answering():
            await _ARRIVED.run(self._redis, [name, str(take), repr(cost), repr(deadline * 1000)])

    async def left(self, names: Mapping[str, BudgetTerms]) -> dict[str, float | None]:
        """What could be taken of each now; None where Redis knows nothing of it.

        Raises:
            Unavailable: Redis is away.
        """
        arguments = [part for name, terms in names.items() for part in (name, *_numbers(terms))]
        if not arguments:
            return {}
        async with answering():
            found = await _READ.run(self._redis, arguments)
        return {
            name: None if left is None else max(0.0, float(left))
            for name, left in zip(names, found, strict=True)
        }

    async def _know(self, arguments: Sequence[str]) -> Any:
        async with answering():
            return await _KNOW.run(self._redis, arguments)


def _numbers(terms: BudgetTerms) -> list[str]:
    burst = 0 if terms.exact else terms.burst
    return [repr(terms.rate), repr(terms.window * 1000), repr(burst)]


def _state(parts: Sequence[str], terms: BudgetTerms) -> BudgetState:
    numbers = [float(part) for part in parts]
    if not terms.exact:
        return BudgetState(tokens=numbers[0])
    return BudgetState(tuple(age / 1000 for age in numbers[::2]), tuple(numbers[1::2]))
