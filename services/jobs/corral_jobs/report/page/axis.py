"""The value axis of a chart: round steps and short labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from corral_jobs.report.table.number import Style

_STEPS = 5
"""About as many steps from end to end."""
_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A value that the axis names."""

    at: float
    """From 0, the axis' start, to 1."""
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, zero included."""

    low: float
    high: float
    ticks: tuple[AxisTick, ...]

    @classmethod
    def spanning(cls, values: Sequence[Decimal], style: Style) -> Self:
        """The axis that holds zero and all values."""
        low, high = (float(pick(Decimal(0), *values)) for pick in (min, max))
        step = _step((high - low) or 1.0)
        first, last = math.floor(low / step), math.ceil(high / step)
        if first == last:
            last += 1
        low, high = first * step, last * step
        ticks = tuple(
            AxisTick((count - first) / (last - first), _short(count * step, step, style))
            for count in range(first, last + 1)
        )
        return cls(low, high, ticks)

    @property
    def zero(self) -> float:
        """Where zero lies, from 0 to 1."""
        return self.place(Decimal(0))

    def place(self, value: Decimal) -> float:
        """Where `value` lies, from 0 to 1."""
        return (float(value) - self.low) / (self.high - self.low)


def _step(span: float) -> float:
    """The round number (1, 2, 2.5 or 5 times a power of ten) nearest above an even share."""
    rough = span / _STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)


def _short(value: float, step: float, style: Style) -> str:
    """`value` as 250 k rather than 250,000."""
    unit, name = next(
        ((size, name) for size, name in _UNITS if abs(value) >= size and step >= size / 100), (1, "")
    )
    scaled_step = step / unit
    decimals = max(0, -math.floor(math.log10(scaled_step))) if scaled_step < 1 else 0
    if not math.isclose(scaled_step, round(scaled_step, decimals), rel_tol=1e-6):
        decimals += 1  # steps of 2.5
    short = Style(
        style.mark,
        decimals,
        style.grouped,
        style.prefix,
        f"\u202f{name}{style.suffix}" if name else style.suffix,
    )
    return short.print(Decimal(repr(value / unit)))
