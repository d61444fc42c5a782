"""The hot path: enqueue, pop, acknowledge and wait. One round trip each, however many jobs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from redis.asyncio import Redis

from corral.dispatch import key_names
from corral.dispatch.connection import ANSWER_SECONDS, answering
from corral.dispatch.rings import Rings, Turn, TurnOutcome, spelled_outcomes, turns_from
from corral.dispatch.scripts import Script, ScriptEffect
from corral.ids import spelled
from corral.job.lane import Lane


class Entry(NamedTuple):
    """A job to be queued in a lane."""

    lane: Lane
    id: UUID


class LimitedEntry(NamedTuple):
    """A job that waits for its limits: its group gets a turn in the lane."""

    lane: Lane
    id: UUID
    limit_group: UUID


AnyEntry = Entry | LimitedEntry


def entry_of(lane: Lane, job: UUID, limit_group: UUID | None) -> AnyEntry:
    """The entry of a job, with or without limits."""
    return Entry(lane, job) if limit_group is None else LimitedEntry(lane, job, limit_group)


class Popped(NamedTuple):
    """A job that a worker took out of a lane: to be claimed, then acknowledged."""

    lane: Lane
    id: UUID


class Budget(NamedTuple):
    """At most `room` jobs in all may come from `queues`: the free slots of one executor."""

    queues: frozenset[str]
    room: int


class Pop(NamedTuple):
    """What one pop found: jobs to be claimed, and what else the worker should know."""

    popped: list[Popped]
    waiting: bool
    """The worker has room left and is registered: the next job of its queues wakes it."""
    suspects: list[str]
    """Queues whose suspects this worker should take: stop popping, and pop the suspect lane when empty."""
    suspended: bool
    """`rq suspend` is in force: nothing is popped."""
    turns: Sequence[Turn] = ()
    """Groups of limited jobs whose turn it is."""
    more: bool = False
    """Lanes out of which it took jobs have more of them."""


@dataclass(frozen=True, slots=True)
class Done:
    """The id leaves the lane: its job was claimed, or refused for good."""


@dataclass(frozen=True, slots=True)
class Return:
    """The job is to be popped again: by the next worker if `front`, after all others if not."""

    front: bool = True


@dataclass(frozen=True, slots=True)
class Park:
    """The job is to be popped again in `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Move:
    """The job belongs into another lane."""

    lane: Lane


Verdict = Done | Return | Park | Move


class Ack(NamedTuple):
    """What became of a popped job; `lane` is the one it was popped from."""

    lane: Lane
    id: UUID
    verdict: Verdict


log = structlog.get_logger(__name__)

_ENQUEUE = Script("enqueue", ScriptEffect.FILLS)
_POP = Script("pop", ScriptEffect.FREES, rings=True)
_ACK = Script("ack", ScriptEffect.FREES)


class Lanes:
    """The lists of jobs in Redis and the workers that wait for them (protocol rules 6 and 8)."""

    def __init__(self, redis: Redis, blocking: Redis) -> None:
        self._redis = redis
        self._blocking = blocking
        self._rings = Rings(redis)

    async def enqueue(
        self, entries: Iterable[AnyEntry], *, front: bool = False, at_once: bool = False
    ) -> int:
        """Queue jobs and wake as many waiting workers; answers how many were not there yet.

        With `front` they come before everything else, in the order given. Those that wait for limits do so with their
        group: of these the groups are counted, and with `front` or `at_once` they wait for no full batch.

        Raises:
            Unavailable: Redis is away; the sweep queues them later.
        """
        by_lane, groups = _by_lane_and_group(entries)
        joined = await self._rings.join(groups, at_once=front or at_once) if groups else 0
        if not by_lane:
            return joined
        arguments: list[str] = ["1" if front else "0"]
        for lane, ids in by_lane.items():
            arguments += (lane.name, lane.queue, spelled(ids))
        async with answering():
            return joined + int(await _ENQUEUE.run(self._redis, arguments))

    async def pop(
        self,
        worker: str,
        lanes: Sequence[Lane],
        room: int,
        *,
        wait: bool,
        idle: bool = False,
        budgets: Sequence[Budget] = (),
        settled: Sequence[TurnOutcome] = (),
        done: Iterable[tuple[Lane, UUID]] = (),
    ) -> Pop:
        """Take at most `room` jobs, from the lanes in their order, for `worker` to claim and then answer.

        A queue in several budgets is bound by each. Where room is left at the end and `wait` is set,
        the worker is registered to be woken. `idle` says that it runs nothing now, so that suspects
        are offered to it before others. With room 0 it only asks for suspects. Told before anything is popped:
        `settled`, what became of turns that it had before, as `Rings.settle` takes it; and `done`, ids that leave Redis.

        Raises:
            Unavailable: Redis is away. What it popped, if it did, comes back by the sweep.
        """
        told = [len(settled), *spelled_outcomes(settled), *_done(done)]
        asked = _request(worker, lanes, room, wait=wait, idle=idle, budgets=budgets)
        async with answering():
            found = await _POP.run(self._redis, told + asked)
        suspended, waiting, suspects, turned, more = found[:5]
        popped, strangers = _popped(found[5:], lanes)
        if strangers:
            await self._drop(strangers)
        names = [queue.decode() for queue in suspects]
        return Pop(popped, bool(waiting), names, bool(suspended), turns_from(turned, lanes), bool(more))

    async def ack(self, acks: Iterable[Ack]) -> None:
        """Say what became of popped jobs: one call for all.

        Raises:
            Unavailable: Redis is away; the sweep drops the entries and asks Postgres.
        """
        groups: dict[tuple[Lane, Verdict], dict[UUID, None]] = {}
        for lane, job, verdict in acks:
            groups.setdefault((lane, verdict), {})[job] = None
        if not groups:
            return
        arguments: list[str | int] = []
        for (lane, verdict), ids in groups.items():
            arguments += (*_spelled(verdict, lane), spelled(ids))
        async with answering():
            await _ACK.run(self._redis, arguments)

    async def wait(self, worker: str, timeout: float) -> bool:  # noqa: ASYNC109 - Redis does the waiting
        """Sleep until the worker is woken, or `timeout` seconds; answers whether it was woken.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering(timeout + ANSWER_SECONDS):
            return await self._blocking.blpop([key_names.WAKE + worker], timeout=timeout) is not None

    async def _drop(self, strangers: dict[Lane, list[bytes]]) -> None:
        """Forget entries that are no ids of jobs: somebody else writes to our lists."""
        for lane, texts in strangers.items():
            log.warning("dispatch.stranger", lane=lane.name, ids=[repr(text[:80]) for text in texts])
            async with answering():
                await self._redis.zrem(key_names.POPPED + lane.name, *texts)


def _by_lane_and_group(
    entries: Iterable[AnyEntry],
) -> tuple[dict[Lane, dict[UUID, None]], Counter[tuple[Lane, UUID]]]:
    """The ids for each lane, in their order, and how many jobs join each group."""
    by_lane: dict[Lane, dict[UUID, None]] = {}
    groups: Counter[tuple[Lane, UUID]] = Counter()
    lane: Lane | None = None
    ids: dict[UUID, None] = {}
    for entry in entries:
        if isinstance(entry, LimitedEntry):
            groups[entry.lane, entry.limit_group] += 1
            continue
        # A bulk's entries share their lane, and it takes longer to find than to compare.
        if entry.lane is not lane:
            lane = entry.lane
            ids = by_lane.setdefault(lane, {})
        ids[entry.id] = None
    return by_lane, groups


def _popped(found: Sequence[Any], lanes: Sequence[Lane]) -> tuple[list[Popped], dict[Lane, list[bytes]]]:
    """The jobs in the answer of pop.lua, and by lane what is no id of a job."""
    popped: list[Popped] = []
    strangers: dict[Lane, list[bytes]] = {}
    for number, ids in zip(found[::2], found[1::2], strict=True):
        lane = lanes[number]
        for text in ids:
            try:
                popped.append(Popped(lane, UUID(text.decode())))
            except ValueError:
                strangers.setdefault(lane, []).append(text)
    return popped, strangers


def _done(done: Iterable[tuple[Lane, UUID]]) -> list[str | int]:
    """The arguments of pop.lua about ids that leave their lanes."""
    by_lane: dict[Lane, dict[UUID, None]] = {}
    for lane, job in done:
        by_lane.setdefault(lane, {})[job] = None
    arguments: list[str | int] = [len(by_lane)]
    for lane, ids in by_lane.items():
        arguments += (lane.name, spelled(ids))
    return arguments


def _request(
    worker: str, lanes: Sequence[Lane], room: int, *, wait: bool, idle: bool, budgets: Sequence[Budget]
) -> list[str | int]:
    """The arguments of pop.lua behind what is told of former pops."""
    numbers: dict[str, int] = {}
    for lane in lanes:
        numbers.setdefault(lane.queue, len(numbers) + 1)
    arguments: list[str | int] = [worker, room, int(wait), int(idle), len(budgets)]
    arguments += [budget.room for budget in budgets]
    arguments.append(len(numbers))
    for queue in numbers:
        bound = [str(number) for number, budget in enumerate(budgets, 1) if queue in budget.queues]
        arguments += (queue, " ".join(bound))
    for lane in lanes:
        arguments += (lane.name, numbers[lane.queue])
    return arguments


def _spelled(verdict: Verdict, lane: Lane) -> tuple[str, str, str, str | int]:
    """A verdict as the four arguments that ack.lua reads: its name, lane, queue and a value."""
    match verdict:
        case Return(front=True):
            return "front", lane.name, lane.queue, ""
        case Return():
            return "back", lane.name, lane.queue, ""
        case Park(seconds=seconds):
            return "park", lane.name, lane.queue, max(0, round(seconds * 1000))
        case Move(lane=other):
            return "move", lane.name, other.queue, other.name
        case Done():
            return "done", lane.name, lane.queue, ""
