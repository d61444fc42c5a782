"""Values that JSON, Postgres and every reader agree on.

Refused, with a pointer to the place: nesting deeper than 64, NUL characters
(Postgres stores none), lone surrogates (no UTF-8 spells them), decimals beyond
a double (readers make infinity or zero of them), whole numbers that Python
does not read, what holds itself, and anything that JSON has no word for. Every
other number keeps its digits, however many.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from corral import json_codec
from corral.errors import FieldError, InvalidInput, TooLarge
from corral.job.limits import MAX_DEPTH
from corral.job.shown import shown
from corral.json_pointer import escaped

MAX_ERRORS = 20
"""Faults named in one answer; the rest would only repeat them."""
_TOO_LONG = 10**json_codec.MAX_DIGITS
_MANY = 1_000
"""Values of one level from which on each is looked at once: one that holds itself twice would double with every level."""
_HALF = re.compile("[\ud800-\udfff]")


def encode(value: Any, *, limit: int, pointer: str = "/payload", from_wire: bool = False) -> str:
    """The JSON text of `value`.

    `from_wire` says that the value came out of `parse`, so that only what a
    parser lets through is looked for: that is the fast path of a submission.

    Raises:
        InvalidInput: the value holds something that can't be stored.
        TooLarge: the text is over `limit` bytes.
    """
    if not from_wire:
        refuse_faults(value, pointer)
    try:
        text = json_codec.dumps(value)
    except (TypeError, ValueError) as error:
        refuse_faults(value, pointer)
        raise InvalidInput(FieldError(pointer, f"can't be written as JSON: {error}")) from error
    if len(text) > limit:
        raise TooLarge(f"the field {pointer}", len(text), limit)
    if from_wire and (text.count(b"[") + text.count(b"{") > MAX_DEPTH or b"\\u0000" in text):
        refuse_faults(value, pointer)
    return text.decode()


def refuse_faults(value: Any, pointer: str) -> None:
    """Refuse a value that can't be stored.

    Raises:
        InvalidInput: names up to 20 places.
    """
    if _sound(value):
        return
    errors: list[FieldError] = []
    for error in faults(value, pointer):
        errors.append(error)
        if len(errors) == MAX_ERRORS:
            break
    if errors:
        raise InvalidInput(*errors)


def _sound(value: Any) -> bool:
    """Whether nothing is wrong, told level by level without naming places, as nearly always; False also where unsure."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                sound = "\0" not in item and (item.isascii() or not _HALF.search(item))
            elif kind is dict:
                inner += item
                inner += item.values()
                sound = set(map(type, item)) <= {str}
            elif kind is list or kind is tuple:
                inner += item
                continue
            elif kind is float:
                sound = math.isfinite(item)
            elif kind is int:
                sound = -_TOO_LONG < item < _TOO_LONG
            else:
                sound = item is None or kind is bool
            if not sound:
                return False
        if not inner:
            return True
        level = inner if len(inner) < _MANY else list({id(one): one for one in inner}.values())
    return False


def faults(value: Any, pointer: str) -> Iterator[FieldError]:
    """What is wrong with a value, and where. Iterative, so depth can't exhaust the stack."""
    stack: list[tuple[Any, str, int]] = [(value, pointer, 0)]
    around: list[int] = []
    while stack:
        item, place, depth = stack.pop()
        if not isinstance(item, dict | list | tuple):
            yield from _scalar_faults(item, place)
            continue
        del around[depth:]
        if id(item) in around:
            yield FieldError(place, "holds itself, which JSON can't")
            continue
        around.append(id(item))
        if depth >= MAX_DEPTH:
            yield FieldError(place, f"is nested deeper than {MAX_DEPTH} levels")
            continue
        for key, child in reversed(_children(item)):
            if not isinstance(key, str):
                yield FieldError(place, f"has the key {key!r}; JSON has text keys only")
                continue
            yield from _text_faults(key, place, what="has a key that")
            stack.append((child, f"{place}/{escape(key)}", depth + 1))


def _scalar_faults(item: Any, place: str) -> Iterator[FieldError]:
    match item:
        case None | bool():
            return
        case str():
            yield from _text_faults(item, place)
        case int():
            if not -_TOO_LONG < item < _TOO_LONG:
                yield FieldError(place, _too_long(_digits(item)))
        case json_codec.Number() if item.text.lstrip("-").isdigit():
            yield FieldError(place, _too_long(len(item.text.lstrip("-"))))
        case json_codec.Number() if not math.isfinite(item) or _underflows(item):
            yield FieldError(
                place, f"is {_cut(item.text)}; send a decimal beyond 5e-324 to 1.8e308 as a string"
            )
        case float():
            if not math.isfinite(item):
                yield FieldError(place, f"is {shown(item)}, which JSON can't hold")
        case _:
            yield FieldError(place, f"is of the type {type(item).__qualname__}, which JSON does not have")


def escape(key: str) -> str:
    """A key as part of a JSON pointer, whatever characters it holds."""
    return escaped(key.encode("utf-8", "replace").decode())


def _children(item: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> list[tuple[Any, Any]]:
    if isinstance(item, dict):
        return list(item.items())
    return [(str(index), child) for index, child in enumerate(item)]


def _underflows(number: json_codec.Number) -> bool:
    """Whether the number is written as something other than 0 and read back as 0."""
    return not float(number) and any(digit in "123456789" for digit in number.text.lower().partition("e")[0])


def _digits(number: int) -> int:
    """How many digits a number has that is too long to be written."""
    least: int = int((number.bit_length() - 1) * math.log10(2)) + 1
    return least + int(abs(number) >= 10**least)


def _too_long(digits: int) -> str:
    return f"is a whole number of {digits:,} digits; Python reads {json_codec.MAX_DIGITS:,}, so send it as a string"


def _cut(number: str) -> str:
    return number if len(number) <= 40 else f"{number[:20]}… ({len(number):,} characters)"


def _text_faults(text: str, place: str, what: str = "") -> Iterator[FieldError]:
    prefix = f"{what} " if what else ""
    if "\0" in text:
        yield FieldError(place, f"{prefix}contains a NUL character (\\u0000), which Postgres can't store")
    if not text.isascii() and _HALF.search(text):
        yield FieldError(place, f"{prefix}contains half of a surrogate pair, which is no character")
