"""Rates of calls from within a handler: taken immediately before the call, and thrown away where they come too late."""

import math
import time
from typing import Any

from corral.context.link import ContextLink, SyncContextLink

Ask = tuple[str, float | None, str | None]
"""The name of a rate, how much is taken, and its key."""


def checked(name: Any, cost: Any, key: Any) -> Ask:
    """What a handler asks for, as plain values.

    Raises:
        TypeError: the name is no text, the cost no number, or the key no text or number.
        ValueError: the cost is below 0, or no number at all.
    """
    if not isinstance(name, str):
        raise TypeError(f"a rate is named by a text, not by a {type(name).__qualname__}")
    return str.__str__(name), None if cost is None else amount("cost", cost), _key(key)


def amount(what: str, value: Any) -> float:
    """An amount as a number. Raises as `checked`."""
    if isinstance(value, bool | str | bytes) or not hasattr(type(value), "__float__"):
        raise TypeError(f"{what} is a number, not a {type(value).__qualname__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not 0 <= number < math.inf:
        raise ValueError(f"{what} is {number}; it must be a number of 0 or more")
    return number


def seconds(timeout: Any) -> float | None:
    """A timeout as a number of seconds; None where there is none. Raises as `checked`."""
    return None if timeout is None else amount("timeout", timeout)


async def take(line: ContextLink, ask: Ask, timeout: float | None) -> None:  # noqa: ASYNC109  # the caller's
    """Take of a rate; again where it came too late."""
    ends = None if timeout is None else time.monotonic() + timeout
    while True:
        left = None if ends is None else max(0.0, ends - time.monotonic())
        if time.monotonic() <= await line.take_budget(*ask, left):
            return


def take_blocking(line: SyncContextLink, ask: Ask, timeout: float | None) -> None:
    """The same in a thread or a process."""
    ends = None if timeout is None else time.monotonic() + timeout
    while True:
        left = None if ends is None else max(0.0, ends - time.monotonic())
        if time.monotonic() <= line.take_budget(*ask, left):
            return


def _key(key: Any) -> str | None:
    if key is None:
        return None
    if isinstance(key, bool):
        return "true" if key else "false"
    if not isinstance(key, str | int):
        raise TypeError(f"a key is a text or a whole number, not a {type(key).__qualname__}")
    return str(key) if isinstance(key, int) else str.__str__(key)
