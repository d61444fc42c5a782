"""Values of limits and rates as declarations give them: their ranges, and what is said of those that make no sense.

All of them raise DeclarationError, whose message names the limit, the value and the reason.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from corral.catalog.limits.key import DOMAINS, paths_of
from corral.errors import DeclarationError
from corral.job.bounds import Bounds, written
from corral.job.limits import MAX_NAME, NAME_PATTERN

COUNT: Final = Bounds(1, 1_000_000, whole=True)
"""How many jobs a limit lets run or wait."""
LEAST: Final = 0.000_001
"""The least amount that a job takes or a rate gives; of smaller ones, sums and quotients are no numbers any more."""
RATE: Final = Bounds(LEAST, 1e15)
"""How much a rate lets start within its time."""
PER: Final = Bounds(0.001, 366 * 24 * 3600.0, "seconds")
COST: Final = Bounds(0, 1e15)
"""What one job takes of a rate; 0 takes nothing, anything else is LEAST or more."""
WEIGHT: Final = Bounds(0.001, 1000)
MAX_WEIGHTS: Final = 1000
MAX_PATH: Final = 200
"""Characters in the path of a field."""

Word = TypeVar("Word", bound=StrEnum)


def check_name(limit: object, name: Any) -> None:
    """Refuse what is no name of a limit."""
    kind = type(limit).__name__
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name) or len(name) > MAX_NAME:
        raise DeclarationError(
            f"{kind} {name!r:.120}: its name has up to {MAX_NAME} lower-case letters, digits, dots, dashes"
        )


def check_count(name: str, option: str, value: Any) -> None:
    """Refuse what is no count of jobs; None is none."""
    if value is None:
        return
    if value == 0 and not isinstance(value, bool):
        raise zero(name, option)
    check_bounds(name, option, value, COUNT)


def zero(name: str, option: str) -> DeclarationError:
    """The error of a value of 0, with what to do instead."""
    return wrong(name, f"{option} {nothing(name, option)}")


def nothing(name: str, option: str) -> str:
    """What a value of 0 would mean, and what to do instead, in words."""
    if option == "max_waiting":
        return 'is 0, so no job could ever wait for its start; to refuse those that find it full declare on_full="refuse"'
    return f"is 0, so nothing would ever start; to stop its jobs for a while use `corral limits pause {name}`"


def check_bounds(name: str, option: str, value: Any, bounds: Bounds) -> None:
    """Refuse a number out of its bounds."""
    if (fault := bounds.fault(value)) is not None:
        raise wrong(name, f"{option} {fault}")


def cost_fault(value: object) -> str | None:
    """What is wrong with a cost, as the rest of a sentence that begins with its name; None where nothing is."""
    fault = COST.fault(value)
    if fault is None and isinstance(value, int | float) and 0 < value < LEAST:
        return f"is {value:g}; it must be 0, or at least {written(LEAST)}"
    return fault


def one_of(name: str, option: str, value: Any, choices: type[Word]) -> Word:
    """One of some words."""
    try:
        return choices(value)
    except ValueError:
        raise wrong(name, f"{option} is {value!r:.100}; it must be one of {', '.join(choices)}") from None


def check_path(name: str, option: str, value: Any) -> None:
    """Refuse what is no path of a payload field; None is none."""
    if value is None:
        return
    if not isinstance(value, str) or not all(value.split(".")) or len(value) > MAX_PATH:
        raise wrong(
            name,
            f"{option} is {value!r:.220}; it must be a payload field such as customer.id, joined by dots",
        )
    if option == "by" and "(" in value and (DOMAINS.fullmatch(value) is None or not all(paths_of(value))):
        raise wrong(
            name, f"by is {value!r:.220}; what reads addresses is written domain(to) or domain(to, cc)"
        )


def check_weights(name: str, weights: Any) -> None:
    """Refuse weights that are none."""
    if not isinstance(weights, Mapping):
        raise wrong(name, f"weights is {weights!r:.100}; it must be a weight for each key")
    if len(weights) > MAX_WEIGHTS:
        raise wrong(name, f"weights has {len(weights):,} keys; it must have at most {MAX_WEIGHTS:,}")
    for key, weight in weights.items():
        if not isinstance(key, str) or not key:
            raise wrong(name, f"weights: {key!r:.100} is no key; keys are texts, as the payload has them")
        check_bounds(name, f"weights: that of {key!r:.100}", weight, WEIGHT)


def wrong(name: str, what: str) -> DeclarationError:
    """The error that names the limit."""
    return DeclarationError(f"limit {name}: {what}")
