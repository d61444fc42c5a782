"""Limits as a team declares them: how many jobs run at once, and how many may start within a time.

openai = Limit("openai", total=25)
customer = Limit("customer", each=2, total=100, by="customer_id", weights={"acme": 3})
day = Rate("overpass-day", 10_000, per=86_400)

@job("acme.ask", limits=[openai, customer, day])
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from corral.catalog.limits.values import (
    PER,
    RATE,
    check_bounds,
    check_count,
    check_name,
    check_path,
    check_weights,
    cost_fault,
    one_of,
    wrong,
    zero,
)
from corral.job.admission import WhenFull
from corral.job.budget import BURST_SHARE, EXACT, deadline_of

MAX_LIMITS: Final = 10
"""Limits that one job may have."""


class HoldFor(StrEnum):
    """For how long a job keeps its slot."""

    ATTEMPT = "attempt"
    """Until the attempt ends."""
    LIFE = "life"
    """Until the job ends: also while it waits to be tried again, so that jobs of a key run in strict order."""


class LimitUnit(StrEnum):
    """What a limit counts, of types whose handlers get several jobs at once."""

    JOB = "job"
    BATCH = "batch"
    """All that one call of a handler gets takes one. A job that is handled alone takes one, too."""


class TakenAt(StrEnum):
    """When something of a rate is taken. It is one of these, never two."""

    CLAIM = "claim"
    """A job takes of it when it starts."""
    ATTEMPT = "attempt"
    """A job takes of it when it starts, and what it took counts until `per` seconds after its attempt has ended: whenever
    its handler does what the rate is about, no window of `per` seconds has more than `n` of it."""
    CALL = "call"
    """A handler takes of it with `ctx.budget`, immediately before each call."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many jobs may run at once: in all, for each value of a payload field, in each worker process.

    Raises:
        DeclarationError: a value makes no sense; the message names the limit, the value and the reason.
    """

    name: str
    total: int | None = field(default=None, kw_only=True)
    """So many at once, over all keys."""
    each: int | None = field(default=None, kw_only=True)
    """So many at once for each key."""
    by: str | None = field(default=None, kw_only=True)
    """The payload field whose value is the key, as a path with dots; or `domain(to, cc)`: a key for each domain of the
    addresses in these fields. Jobs without it share one key."""
    weights: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    """How often a key is served beside others, which have 1."""
    per_worker: int | None = field(default=None, kw_only=True)
    """So many at once in each worker process."""
    max_waiting: int | None = field(default=None, kw_only=True)
    """So many may wait for each key, scheduled ones and those that are tried again too; further ones are refused."""
    hold: HoldFor | str = field(default=HoldFor.ATTEMPT, kw_only=True)
    """For how long a job keeps its slot; `"life"` needs each=1 or total=1."""
    on_full: WhenFull | str = field(default=WhenFull.QUEUE, kw_only=True)
    """What a submission does that finds it full: as many of the key run and wait as may run."""
    unit: LimitUnit | str = field(default=LimitUnit.JOB, kw_only=True)
    """`batch`: `total` and `each` count calls of handlers that get several jobs at once."""
    module: str = field(default="", init=False, repr=False, compare=False)
    """The module that declares it."""

    def __post_init__(self) -> None:
        check_name(self, self.name)
        object.__setattr__(self, "module", str(sys._getframe(2).f_globals.get("__name__", "?")))  # noqa: SLF001
        for option in ("total", "each", "per_worker", "max_waiting"):
            check_count(self.name, option, getattr(self, option))
        object.__setattr__(self, "hold", one_of(self.name, "hold", self.hold, HoldFor))
        object.__setattr__(self, "on_full", one_of(self.name, "on_full", self.on_full, WhenFull))
        object.__setattr__(self, "unit", one_of(self.name, "unit", self.unit, LimitUnit))
        check_path(self.name, "by", self.by)
        check_weights(self.name, self.weights)
        self._check_together()

    def _check_together(self) -> None:
        if self.total is None and self.each is None and self.per_worker is None and self.max_waiting is None:
            raise wrong(self.name, "limits nothing; give total= or each=")
        if self.each is not None and self.by is None:
            raise wrong(
                self.name, "each counts for each key: name its payload field with by=, or use total= for all"
            )
        if self.weights and self.by is None:
            raise wrong(self.name, "weights are of keys: name their payload field with by=")
        if self.each is not None and self.total is not None and self.each > self.total:
            raise wrong(
                self.name,
                f"each is {self.each:,} and total only {self.total:,}: no key could ever have so many",
            )
        if self.hold is HoldFor.LIFE and 1 not in (self.each, self.total):
            raise wrong(self.name, 'hold="life" keeps a strict order; it needs each=1 or total=1')
        if self.on_full is not WhenFull.QUEUE and self.max_waiting is not None:
            raise wrong(
                self.name,
                f"has two strategies for when it is full, max_waiting and on_full='{self.on_full}'; keep one",
            )
        if self.on_full is not WhenFull.QUEUE and self.total is None and self.each is None:
            raise wrong(self.name, f"on_full='{self.on_full}' needs total= or each=: what may be full")
        if (
            self.on_full in (WhenFull.SUPERSEDE, WhenFull.CANCEL_RUNNING)
            and self.by is not None
            and self.each is None
        ):
            raise wrong(
                self.name,
                f"on_full='{self.on_full}' makes room within a key; say with each= how many jobs of a key may run,"
                " or leave out by=",
            )

        self._check_unit()

    def _check_unit(self) -> None:
        if self.unit is LimitUnit.JOB:
            return
        if self.per_worker is not None:
            raise wrong(
                self.name,
                'per_worker counts jobs: with unit="batch" give total= or each=; a batch takes one slot of its worker',
            )
        if self.max_waiting is not None or self.on_full is not WhenFull.QUEUE:
            raise wrong(
                self.name, 'jobs wait one by one: unit="batch" goes with neither max_waiting nor on_full'
            )
        if self.hold is HoldFor.LIFE:
            raise wrong(self.name, 'hold="life" is of one job: it does not go with unit="batch"')

    @property
    def values(self) -> dict[str, Any]:
        """What it says, as JSON, without its name."""
        said: dict[str, Any] = {
            option: getattr(self, option)
            for option in ("total", "each", "by", "per_worker", "max_waiting")
            if getattr(self, option) is not None
        }
        if self.weights:
            said["weights"] = dict(sorted(self.weights.items()))
        if self.unit is not LimitUnit.JOB:
            said["unit"] = str(self.unit)
        return {"kind": "limit", **said, "hold": str(self.hold), "on_full": str(self.on_full)}


@dataclass(frozen=True, slots=True)
class Rate:
    """How much may start within a time: `n` in every `per` seconds.

    Raises:
        DeclarationError: a value makes no sense; the message names the rate, the value and the reason.
    """

    name: str
    n: float
    """Jobs; or, with a cost, as much of its unit."""
    per: float = field(kw_only=True)
    """Seconds."""
    by: str | None = field(default=None, kw_only=True)
    """The payload field whose value is the key, or `domain(…)` as for a limit: each key has `n` of its own."""
    cost: float | str = field(default=1, kw_only=True)
    """What one job, or one call, takes: a number, or the path of a payload field that holds it."""
    at: TakenAt | str = field(default=TakenAt.CLAIM, kw_only=True)
    """`claim`: a job takes of it when it starts, and names it in `limits`. `attempt`: the same, and it counts until `per`
    seconds after the attempt has ended. `call`: `ctx.budget` takes of it."""
    deadline: float | None = field(default=None, kw_only=True)
    """Of a rate of calls, the seconds within which a call arrives that was taken; what is late is thrown away.

    By default a twentieth of `per`, from 0.05 to 5 seconds. The window that is enforced is longer by it.
    """
    burst: float | None = field(default=None, kw_only=True)
    """How much may be taken at once, where `n` is above 1,000; by default a tenth of `n`."""
    module: str = field(default="", init=False, repr=False, compare=False)
    """The module that declares it."""

    def __post_init__(self) -> None:
        check_name(self, self.name)
        object.__setattr__(self, "module", str(sys._getframe(2).f_globals.get("__name__", "?")))  # noqa: SLF001
        if self.n == 0:
            raise zero(self.name, "n")
        check_bounds(self.name, "n", self.n, RATE)
        check_bounds(self.name, "per", self.per, PER)
        check_path(self.name, "by", self.by)
        object.__setattr__(self, "at", one_of(self.name, "at", self.at, TakenAt))
        self._check_calls()
        if isinstance(self.cost, str):
            check_path(self.name, "cost", self.cost)
            return
        if (fault := cost_fault(self.cost)) is not None:
            raise wrong(self.name, f"cost {fault}")
        most = "n" if self.n <= EXACT else "burst"
        if self.cost > (largest := largest_cost(self.values)):
            raise wrong(
                self.name,
                f"cost is {self.cost:g} and {most} only {largest:g}: no job could ever start; raise {most}",
            )

    def _check_calls(self) -> None:
        if self.at is TakenAt.ATTEMPT and self.n > EXACT:
            raise wrong(self.name, f'at="attempt" is for an n of up to {EXACT:,}: of those each take is kept')
        if self.deadline is not None:
            if self.at is not TakenAt.CALL:
                raise wrong(self.name, 'deadline is of calls: give at="call", or leave it out')
            check_bounds(self.name, "deadline", self.deadline, PER)
            if self.deadline > self.per:
                raise wrong(self.name, f"deadline is {self.deadline:g} and per only {self.per:g} seconds")
        if self.burst is not None:
            check_bounds(self.name, "burst", self.burst, RATE)
            if self.n <= EXACT:
                raise wrong(
                    self.name, f"burst is for an n above {EXACT:,}; of smaller ones each take is kept"
                )
            if self.burst >= self.n:
                raise wrong(self.name, f"burst is {self.burst:g}; it must be below n, which is {self.n:g}")

    @property
    def values(self) -> dict[str, Any]:
        """What it says, as JSON, without its name."""
        by = {} if self.by is None else {"by": self.by}
        burst = {} if self.burst is None else {"burst": self.burst}
        calls: dict[str, Any] = {} if self.at is TakenAt.CLAIM else {"at": str(self.at)}
        if self.at is TakenAt.CALL:
            calls = {"at": "call", "deadline": self.deadline or deadline_of(self.per)}
        return {"kind": "rate", "rate": self.n, "per": self.per, **by, "cost": self.cost, **burst, **calls}


AnyLimit = Limit | Rate


def largest_cost(values: Mapping[str, Any]) -> float:
    """The most that can be taken at once of a rate with these values."""
    rate = float(values["rate"])
    return rate if rate <= EXACT else min(rate, float(values.get("burst") or rate * BURST_SHARE))
