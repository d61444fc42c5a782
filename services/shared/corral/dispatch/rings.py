"""Rings: the groups of limited jobs of a lane, which take turns (protocol rule 12). All of it are hints.

What a group may start is decided by the claim. A ring only says which groups to ask about next: in turn, by weight.
A group that a limit has no room for waits outside, until something of that limit is given back. The leader lets in
those that were forgotten, and makes everything anew after a wipe.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID

from redis.asyncio import Redis

from corral.dispatch import key_names
from corral.dispatch.connection import answering, text_of
from corral.dispatch.scripts import Script, ScriptEffect
from corral.job.lane import Lane

_JOIN = Script("join_ring", ScriptEffect.FILLS, rings=True)
_SETTLE = Script("settle_turns", ScriptEffect.FREES, rings=True)
_FREE = Script("free_limits", ScriptEffect.FREES, rings=True)
_UNKNOWN = Script("unknown_groups", ScriptEffect.READS)

MANY = 1_000_000_000
"""So many jobs do not join a group while it waits for a moment: no job that joins ends that wait."""
ADDED = 1.0
"""What a pop adds to the turn of a group until it is settled, as in pop.lua: so that workers that pop at once begin with others."""
LATER = ""
"""The name under which a group waits that nothing but time keeps from starting: the leader finds it free each second."""


class Turn(NamedTuple):
    """A group whose turn it is, and how many of its jobs the worker has room for."""

    lane: Lane
    group: UUID
    take: int
    joins: str
    """How many of its jobs had been queued at the pop."""
    freeings: int
    """How often something of limits had been given back."""


@dataclass(frozen=True, slots=True)
class Stay:
    """The group has another turn."""


@dataclass(frozen=True, slots=True)
class Full:
    """The group waits for this limit or key."""

    name: str


@dataclass(frozen=True, slots=True)
class Gather:
    """Its batch is not full: it may wait so many seconds for so many more jobs."""

    seconds: float
    missing: int


@dataclass(frozen=True, slots=True)
class Until:
    """What it waits for has room by itself in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Empty:
    """None of its jobs waits."""


TurnVerdict = Stay | Full | Gather | Until | Empty


class TurnOutcome(NamedTuple):
    """What became of a group's turn."""

    turn: Turn
    verdict: TurnVerdict
    took: float = 0.0
    """What it took in proportion to its weight, whatever it waits for now: its next turn is so much later."""


class Rings:
    """The turns of groups of limited jobs."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def join(self, groups: Mapping[tuple[Lane, UUID], int], *, at_once: bool = False) -> int:
        """Jobs of these groups wait, so many of each: wake workers; answers how many groups had no turn before.

        With `at_once` groups whose batch was to be filled have a turn now: these jobs may wait for no others.

        Raises:
            Unavailable: Redis is away; the leader has them join later.
        """
        arguments: list[str | int] = []
        for (lane, group), jobs in groups.items():
            arguments += (lane.name, jobs, str(group), int(at_once))
        async with answering():
            return int(await _JOIN.run(self._redis, arguments))

    async def settle(self, settled: Iterable[TurnOutcome]) -> None:
        """Say what became of turns: one call for all.

        Raises:
            Unavailable: Redis is away; the groups keep their places.
        """
        arguments = spelled_outcomes(settled)
        if arguments:
            async with answering():
                await _SETTLE.run(self._redis, arguments)

    async def free(self, names: Mapping[str, int]) -> int:
        """Something of these limits or keys was given back, by so many jobs: let in as many groups; answers how many.

        Raises:
            Unavailable: Redis is away; the leader lets them in.
        """
        arguments: list[str | int] = []
        for name, count in names.items():
            arguments += (name, count)
        if not arguments:
            return 0
        async with answering():
            return int(await _FREE.run(self._redis, arguments))

    async def full_names(self, limit: int = 1000) -> list[str]:
        """Limits and keys that groups wait for, at most so many, chosen at random.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            return [text_of(name) for name in await self._redis.smembers(key_names.FULL_NAMES)][:limit]

    async def unknown(self, groups: Sequence[tuple[Lane, UUID]]) -> list[tuple[Lane, UUID]]:
        """Those of these groups that neither have a turn nor wait for a limit.

        Raises:
            Unavailable: Redis is away.
        """
        arguments = [text for lane, group in groups for text in (lane.name, str(group))]
        if not arguments:
            return []
        async with answering():
            return [groups[number] for number in await _UNKNOWN.run(self._redis, arguments)]


def turns_from(answer: Sequence[Any], lanes: Sequence[Lane]) -> list[Turn]:
    """The turns in the answer of pop.lua."""
    if not answer:
        return []
    freeings, *rest = answer
    return [
        Turn(lanes[number], UUID(group.decode()), take, text_of(joins), freeings)
        for number, take, group, joins in zip(rest[::4], rest[1::4], rest[2::4], rest[3::4], strict=True)
    ]


def spelled_outcomes(settled: Iterable[TurnOutcome]) -> list[str]:
    """What became of turns, as the arguments of settle_turns.lua: six of each."""
    arguments: list[str] = []
    for turn, verdict, took in settled:
        arguments += (turn.lane.name, str(turn.group), turn.joins, repr(ADDED - took))
        match verdict:
            case Stay():
                arguments += ("stay", "")
            case Full(name):
                arguments += ("full", f"{turn.freeings} {name}")
            case Gather(seconds, missing):
                arguments += ("gather", f"{max(0, ceil(seconds * 1000))} {missing}")
            case Until(seconds):
                arguments += ("gather", f"{max(0, ceil(seconds * 1000))} {MANY}")
            case Empty():
                arguments += ("empty", "")
    return arguments
