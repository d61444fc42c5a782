"""What a provider allows in a second, in a day and in bytes, as rates of calls whose keys are providers."""

from collections.abc import Mapping
from math import floor
from typing import Any, Final

from corral.provider.values import ProviderValues

SECOND_LIMIT: Final = "provider-second"
DAY_LIMIT: Final = "provider-day"
BYTES_LIMIT: Final = "provider-bytes"
DAY: Final = 86_400
SLICES: Final = 48
"""A day is counted in half hours: 98 % of it are used, and all of it may be used at once."""
LATE_SECONDS: Final = 5.0
"""How late a request may be for the day in which it is counted."""

_RATE: Final[Mapping[str, Any]] = {"kind": "rate", "by": "provider", "cost": 1, "at": "call"}
DECLARED: Final[Mapping[str, Mapping[str, Any]]] = {
    SECOND_LIMIT: {**_RATE, "rate": 1_000, "per": 1, "deadline": 0.25},
    DAY_LIMIT: {**_RATE, "rate": 1e9, "per": DAY, "deadline": LATE_SECONDS, "slices": SLICES},
    BYTES_LIMIT: {**_RATE, "rate": 1e15, "per": DAY, "deadline": LATE_SECONDS, "slices": SLICES},
}
"""The rates as `corral limits list` shows them: the bounds of what a provider's row may say."""


def budgets_of(values: ProviderValues) -> dict[str, dict[str, Any]]:
    """What is said of each rate for this provider, by the rate's name; nothing of one that it does not bound."""
    said: dict[str, dict[str, Any]] = {}
    if values.per_day is not None:
        said[DAY_LIMIT] = {"rate": float(values.per_day)}
    if values.bytes_per_day is not None:
        said[BYTES_LIMIT] = {"rate": float(values.bytes_per_day)}
    if values.per_second is not None:
        n = max(1, floor(values.per_second))
        said[SECOND_LIMIT] = {"rate": float(n), "per": n / values.per_second, "deadline": values.transit}
    return said
