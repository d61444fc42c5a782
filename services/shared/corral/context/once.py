"""Effects that must not be repeated, from within a handler: begun, done and ended once, whatever is tried again.

The begin is stored before anything is done. An attempt that finds a begin without an end so knows that the effect is
perhaps done, and one that finds the end gets its receipt. A worker that dies leaves no doubt but that.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from corral.context.json_text import json_text
from corral.context.link import ContextLink, SyncContextLink
from corral.errors import Conflict, CorralError, NotDone
from corral.job.effect import MAX_EFFECT_NAME

END_SECONDS = 5.0
"""How long a handler that is told to stop waits for the end of an effect that is done to be stored."""


class UnderWay:
    """The effects that one attempt is doing. Usable from its threads."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, name: Any, call: "Call") -> str:
        """Begin with one; its checked name.

        Raises:
            TypeError, ValueError: it is no name, or what is to be called can't be called so.
            Conflict: this attempt is doing it.
        """
        checked = _name(name)
        _refuse_uncallable(*call)
        with self._lock:
            if checked in self._names:
                raise Conflict(f"the effect {checked!r} is under way in this attempt")
            self._names.add(checked)
        return checked

    def leave(self, name: str) -> None:
        """It is done, or will not be."""
        with self._lock:
            self._names.discard(name)


Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A function, and the arguments and keywords to call it with."""


async def once(line: ContextLink, under_way: UnderWay, name: Any, call: Call) -> Any:
    """Call the function, unless it was called before; its receipt. See `Context.once`."""
    effect = under_way.enter(name, call)
    function, arguments, keywords = call
    try:
        token, receipt = await line.begin_effect(effect)
        if token is None:
            return None if receipt is None else from_json(receipt)
        try:
            made = function(*arguments, **keywords)
            made = await made if inspect.isawaitable(made) else made
        except NotDone:
            await line.withdraw_effect(effect, token)
            raise
        text, refused = _receipt(made)
        storing = asyncio.ensure_future(line.end_effect(effect, token, text))
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await asyncio.wait([storing], timeout=END_SECONDS)
            raise
        return _answer(text, refused)
    finally:
        under_way.leave(effect)


def once_blocking(line: SyncContextLink, under_way: UnderWay, name: Any, call: Call) -> Any:
    """The same in a thread or a process, where the function is a plain one."""
    function, arguments, keywords = call
    if inspect.iscoroutinefunction(function):
        raise TypeError(_NO_COROUTINE)
    effect = under_way.enter(name, call)
    try:
        token, receipt = line.begin_effect(effect)
        if token is None:
            return None if receipt is None else from_json(receipt)
        try:
            made = function(*arguments, **keywords)
            if inspect.iscoroutine(made):
                made.close()
                line.withdraw_effect(effect, token)
                raise TypeError(_NO_COROUTINE)
        except NotDone:
            line.withdraw_effect(effect, token)
            raise
        text, refused = _receipt(made)
        line.end_effect(effect, token, text)
        return _answer(text, refused)
    finally:
        under_way.leave(effect)


def _receipt(made: Any) -> tuple[str | None, CorralError | None]:
    """The receipt as JSON text; or why it is none: the effect is done all the same, and must not be repeated."""
    try:
        return (None if made is None else json_text(made, "/receipt")), None
    except CorralError as error:
        return None, error


def _answer(text: str | None, refused: CorralError | None) -> Any:
    if refused is not None:
        raise refused
    return None if text is None else from_json(text)


_NO_COROUTINE = "in a thread or a process ctx.once calls a plain function, not a coroutine function"


def _refuse_uncallable(function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Refuse a call that would fail before anything is done: its effect would count as perhaps done.

    Raises:
        TypeError: it is no function, or does not take these arguments.
    """
    if not callable(function):
        raise TypeError(f"ctx.once calls a function, not a {type(function).__qualname__}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions that are written in C tell none
        return
    signature.bind(*arguments, **keywords)


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of an effect is a text, not a {type(name).__qualname__}")
    plain = str.__str__(name)
    if not 1 <= len(plain) <= MAX_EFFECT_NAME or not plain.isprintable():
        raise ValueError(
            f"the name of an effect has 1 to {MAX_EFFECT_NAME} printable characters: {plain[:50]!a}"
        )
    return plain
