"""What a job takes of limits while it runs: of which limit, of which of its keys, and how much.

It is evaluated once, at submission, and stored with the job. Jobs of one queue and priority that take of the same
limits and keys form a group: they wait together, the oldest first. So do jobs that are handled together, of one type
and of one key of its batches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from corral.job.priority import Priority

SEPARATOR = "="
"""Between a limit and its key. No name of a limit holds it; a key may."""
TOTAL = ""
"""Stands for the whole limit where a key is asked for."""


@dataclass(frozen=True, slots=True, order=True)
class LimitUse:
    """A job takes `cost` of one limit: of its total, or of one of its keys.

    Raises:
        ValueError: the cost is no number above 0, or the name of the limit is none.
    """

    limit: str
    key: str = TOTAL
    """The value that the limit counts by; empty for the total."""
    cost: float = 1.0
    counted: bool = field(default=False, compare=False)
    """Whether the job is counted by it while it waits, too: the limit says what a submission does that finds it full."""

    def __post_init__(self) -> None:
        if not self.limit or SEPARATOR in self.limit:
            raise ValueError(f"{self.limit!r} is no name of a limit")
        if not 0 < self.cost < float("inf"):
            raise ValueError(f"a cost of {self.cost} of {self.name}: it must be above 0")

    @property
    def name(self) -> str:
        """As `jobs.limits` and `limit_keys.name` spell it: `openai` for the total, `customer=acme` for a key."""
        return name_of(self.limit, self.key)


class LimitUses(NamedTuple):
    """All that one job takes, as it is stored."""

    group: UUID
    names: tuple[str, ...]
    """Sorted, each once: the order in which their rows are locked."""
    costs: tuple[float, ...]
    counted: tuple[str, ...] = ()
    """Those of the names that count the job while it waits, too."""


def name_of(limit: str, key: str = TOTAL) -> str:
    """The name of a limit's total, or of one of its keys."""
    return f"{limit}{SEPARATOR}{key}" if key else limit


def in_words(name: str) -> str:
    """The limit or the key that a name stands for: `limit customer for acme`."""
    limit, key = parsed(name)
    return f"limit {limit} for {key}" if key else f"limit {limit}"


def parsed(name: str) -> tuple[str, str]:
    """The limit and the key of a name; the key is empty for a total."""
    limit, _, key = name.partition(SEPARATOR)
    return limit, key


def uses_of(
    queue: str, priority: Priority, uses: Iterable[LimitUse], batch: str | None = None
) -> LimitUses | None:
    """What is stored for a job that takes these; None where it takes nothing. Costs of the same name are added.

    `batch` is the key of the batches in which it is handled (`batch_key`), if it is.
    """
    return _uses_of(
        queue, priority, tuple((use.limit, use.key, use.cost, use.counted) for use in uses), batch
    )


@lru_cache(maxsize=1024)
def _uses_of(
    queue: str, priority: Priority, uses: tuple[tuple[str, str, float, bool], ...], batch: str | None
) -> LimitUses | None:
    """The same of plain values; jobs of a bulk mostly take the same."""
    costs: dict[str, float] = {}
    counted: set[str] = set()
    for limit, key, cost, counts in uses:
        name = name_of(limit, key)
        costs[name] = costs.get(name, 0.0) + cost
        if counts:
            counted.add(name)
    if not costs and batch is None:
        return None
    names = tuple(sorted(costs))
    group = group_of(queue, priority, names, batch)
    return LimitUses(group, names, tuple(costs[name] for name in names), tuple(sorted(counted)))


def batch_key(job_type: str, key: str) -> str:
    """What jobs have in common that may be handled together: their type, and their value of its batches' `by`."""
    return f"{job_type}{SEPARATOR}{key}"


def group_of(queue: str, priority: Priority, names: Sequence[str], batch: str | None = None) -> UUID:
    """The group of jobs of that queue, priority and batch key that take of exactly these names."""
    digest = blake2b(digest_size=16)
    together = () if batch is None else (TOTAL, batch)  # no limit has an empty name
    for part in (queue, priority.value, *sorted(names), *together):
        text = part.encode()
        digest.update(len(text).to_bytes(4, "big"))
        digest.update(text)
    return UUID(bytes=digest.digest())
