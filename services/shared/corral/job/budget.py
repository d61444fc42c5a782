"""The terms of a rate of calls: how much may be taken in a window, and for how long what was taken may be used."""

from dataclasses import dataclass
from math import isfinite

EXACT = 1000
"""The largest rate of which each take is kept; of larger ones a bucket says what is left."""
BURST_SHARE = 0.1
"""The share of a larger rate that may be taken at once, where its declaration says nothing."""
DEADLINE_SHARE, LEAST_DEADLINE, MOST_DEADLINE = 0.05, 0.05, 5.0
"""The deadline where the declaration says nothing: this share of `per`, within these bounds in seconds."""
SHORT_SECONDS = 30.0
"""Of windows up to this nothing is noted in Postgres but that they are in use: a wipe then closes one window."""
NOTED_SHARE = 0.05
"""The share of a longer window's budget that may be taken before the next note: as much may be lost by a wipe."""


def deadline_of(per: float) -> float:
    """The deadline of a rate of calls that declares none, in seconds."""
    return min(MOST_DEADLINE, max(LEAST_DEADLINE, per * DEADLINE_SHARE))


@dataclass(frozen=True, slots=True)
class BudgetTerms:
    """A rate of calls as it is in force."""

    rate: float
    """How much may be taken in a window."""
    per: float
    """Seconds."""
    deadline: float
    """Seconds after which what was taken is thrown away if it was not used."""
    burst: float
    """How much may be taken at once, where the rate is too large to keep each take."""
    slices: int = 0
    """Into how many parts the window is divided whose takes are kept as one; all of the rate may be taken at once then."""

    @property
    def exact(self) -> bool:
        """Whether each take of the window is kept, or the takes of each slice."""
        return self.slices > 0 or self.rate <= EXACT

    @property
    def window(self) -> float:
        """Seconds of the window that is enforced: a call arrives up to `deadline` later than it was taken."""
        return self.per + self.deadline

    @property
    def largest(self) -> float:
        """The most that can be taken at once."""
        return self.rate if self.exact else self.burst

    def reserve(self, cost: float) -> float:
        """How much may be taken before Postgres has to know of it; a take of `cost` is possible with it."""
        if self.window <= SHORT_SECONDS:
            return self.largest
        return max(self.largest * NOTED_SHARE, cost)


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What was taken of a budget: ages instead of times, because clocks differ."""

    ages: tuple[float, ...] = ()
    """Of an exact one, seconds since each take of the window."""
    amounts: tuple[float, ...] = ()
    """How much each of them took."""
    tokens: float | None = None
    """Of a bucket, what is left."""


@dataclass(frozen=True, slots=True)
class BudgetNote:
    """What Postgres knows of a budget."""

    version: str
    """Of the note; the next one replaces this one and no other."""
    state: BudgetState
    age: float
    """Seconds since it was noted."""
    reserved: float
    """How much may have been taken since."""

    def restored(self, terms: BudgetTerms) -> BudgetState:
        """What may have been taken at most by now: all that is noted, and as much beyond it as was reserved."""
        if terms.exact:
            unknown = self.reserved if self.state.tokens is None else terms.rate
            kept = [(age, amount) for age, amount in zip(self.state.ages, self.state.amounts, strict=True)
                    if age < terms.window]  # fmt: skip
            kept.append((0.0, unknown))
            return BudgetState(tuple(age for age, _ in kept), tuple(amount for _, amount in kept))
        noted = self.state.tokens
        if noted is None or not isfinite(noted):
            return BudgetState(tokens=0.0)
        refilled = min(terms.burst, noted + self.age * (terms.rate - terms.burst) / terms.window)
        return BudgetState(tokens=max(min(0.0, refilled), refilled - self.reserved))
