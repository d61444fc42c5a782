"""JSON whose numbers keep their value, and JSON text that is passed on as it is stored.

orjson reads and writes nearly everything. Two kinds of numbers it would round without a word: whole numbers beyond 64 bits,
which it reads as doubles and refuses to write, and decimals with more digits than a double has. Texts that may hold one
are read by the standard library, which asks what to make of each number.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any, Self

import orjson

MAX_DIGITS = 4_300
"""Digits of a whole number that Python reads. Source: sys.int_info.default_max_str_digits."""


class Number(float):
    """A decimal that a double would round: a float to compute with, and the text that it was written as."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """Read a JSON number."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__

    def __reduce__(self) -> tuple[type["Number"], tuple[str]]:
        return Number, (self.text,)


class Document:
    """A JSON value as text. Whoever only shows it passes the text on, so no value can be rounded or break a list."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def value(self) -> Any:
        """The value, for whoever looks inside."""
        return lenient(self.text)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, Document) else other))

    __hash__ = None  # type: ignore[assignment]  # equal to dicts and lists, which have none either

    def __repr__(self) -> str:
        return f"Document({self.text!r})"


def loads(text: bytes | str) -> Any:
    """The value of strict JSON text.

    A decimal that a double would round is a `Number`, and so is a number that no double or int holds: it
    compares as infinity or zero, and keeps its text.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be read.
    """
    data = text.encode() if isinstance(text, str) else text
    return exact(data) if may_round(data) else orjson.loads(data)


def lenient(text: bytes | str) -> Any:
    """The same of any text that Postgres takes for JSON: lone surrogates are read, too.

    Raises:
        ValueError: as `loads`.
    """
    try:
        return loads(text)
    except ValueError:
        return exact(text)


def exact(text: bytes | str) -> Any:
    """The value of JSON text, read number by number; NaN and infinities are read, as `Number` would not be.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be read.
    """
    read = text if isinstance(text, str) else text.decode()
    if _too_deep(read):
        raise ValueError("nested too deeply")
    try:
        return json.loads(read, parse_int=_whole, parse_float=_decimal)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _too_deep(text: str) -> bool:
    """Whether it is nested deeper than orjson reads; from Python 3.14 on json itself goes much deeper."""
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return False
    brackets = _NOT_A_BRACKET.sub("", text).encode()
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > _MAX_DEPTH


_MAX_DEPTH = 1024
"""Source: the limit of orjson.loads."""
_NOT_A_BRACKET = re.compile(r'(?:"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[^\[\]{}"]+)+', re.DOTALL)
"""Strings, whose brackets don't count, and everything else."""
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def may_round(data: bytes) -> bool:
    """Whether a number in JSON text may be one that orjson would round; never False where one is."""
    plain = data.translate(_DIGITS)
    if not (_LONG in plain or (b"0e" in plain and _exponent_in(plain))):
        return False
    numbers = _LONG_NUMBER.findall(f" {data.decode('latin-1')}")
    try:
        written = orjson.dumps(orjson.loads(f"[{','.join(numbers)}]")).decode()[1:-1].split(",")
    except orjson.JSONDecodeError:  # a text, in which any digits and points may stand
        written = [""] * len(numbers)
    pairs = zip(numbers, written, strict=False)  # of none there is one form, which is empty
    return written != numbers and any(number != form and not _survives(number) for number, form in pairs)


def _exponent_in(plain: bytes) -> bool:
    """Sixteen digits before an exponent; or three in it, without which no short number leaves the range of doubles."""
    return b"0" * 16 + b"e" in plain or b"0e000" in plain or b"0e+000" in plain or b"0e-000" in plain


_DIGITS = bytes(
    ord("0") if chr(byte) in "0123456789." else ord("e") if chr(byte) == "E" else byte for byte in range(256)
)
"""Digits and points become 0, so that one search finds any long number."""
_LONG = b"0" * 17
"""Sixteen digits and a point, or more: what has fewer digits is read and written again as it was."""
_LONG_NUMBER = re.compile(r"[\s:,\[](-?[0-9](?:[0-9.]{15,}(?:[eE][-+]?[0-9]+)?|[0-9.]*[eE][-+]?[0-9]{3,}))")
"""Such a number, whole, behind what may stand before one. Most are doubles as programs write them, and round to themselves."""


def _survives(number: str) -> bool:
    """Whether orjson keeps the value of a number, or of what looks like one within a text."""
    try:
        if number.lstrip("-").isdigit():
            return len(number) <= 20 and -(2**63) <= int(number) < 2**64
        return not isinstance(_decimal(number), Number)
    except ValueError:
        return True


def as_decimals(value: Any) -> Any:
    """The same value with a `Decimal` for each `Number`: exact, for those who compute with them."""
    match value:
        case Number():
            return Decimal(value.text)
        case dict():
            return {key: as_decimals(child) for key, child in value.items()}
        case list() | tuple():
            return [as_decimals(child) for child in value]
        case _:
            return value


def dumps(
    value: Any, *, option: int = 0, default: Callable[[Any], Any] | None = None, indent: bool = False
) -> bytes:
    """JSON of a value, its numbers as `loads` read them. Documents and dataclasses may be anywhere in it.

    Raises:
        TypeError: it holds something that JSON has no word for, or itself.
    """
    write = _writer(default)
    try:
        return orjson.dumps(value, write, option | (orjson.OPT_INDENT_2 if indent else 0))
    except orjson.JSONEncodeError:
        text = b"".join(_pieces(value, option, write))
    return indented(text.decode()).encode() if indent else text


def indented(text: str, limit: int | None = None) -> str:
    """Valid JSON text, as people read it. Of more than `limit` characters only the beginning."""
    pieces: list[str] = []
    size = 0
    for piece in _lines(text):
        pieces.append(piece)
        size += len(piece)
        if limit is not None and size > limit:
            return "".join(pieces)[:limit]
    return "".join(pieces)


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def _lines(text: str) -> Iterator[str]:
    depth, before = 0, ""
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece in ("}", "]"):
            depth -= 1
            if before not in ("{", "["):
                yield f"\n{'  ' * depth}"
        elif before in ("{", "[", ","):
            yield f"\n{'  ' * depth}"
        yield ": " if piece == ":" else piece
        depth += piece in ("{", "[")
        before = piece


def _whole(text: str) -> int | Number:
    return int(text) if len(text.lstrip("-")) <= MAX_DIGITS else Number(text)


def _decimal(text: str) -> float:
    number = float(text)
    if repr(number) == text:
        return number
    try:
        kept = Decimal(text) == Decimal(repr(number))
    except ArithmeticError:  # an exponent beyond even Decimal
        kept = False
    return number if kept else Number(text)


def _writer(default: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        if isinstance(value, Document | Number):
            return orjson.Fragment(value.text)
        if default is None:
            raise TypeError(f"{type(value).__qualname__} has no JSON form")
        return default(value)

    return write


class _WrittenJson(bytes):
    """A part of the JSON text."""


def _pieces(value: Any, option: int, write: Callable[[Any], Any]) -> Iterator[bytes]:
    """The same for what orjson does not write: whole numbers beyond 64 bits, and nesting beyond 254 levels."""
    stack: list[Any] = [value]
    around: dict[int, Any] = {}  # what is begun and not ended, the innermost last
    while stack:
        item = stack.pop()
        if isinstance(item, _WrittenJson):
            if item in (b"}", b"]"):
                around.popitem()
            yield item
        elif isinstance(item, Mapping | list | tuple) or (is_dataclass(item) and not isinstance(item, type)):
            if id(item) in around:
                raise TypeError("a value that holds itself has no JSON form")
            around[id(item)] = item
            stack += _members(item, option)
        elif isinstance(item, str):
            yield _text(str(item))
        elif isinstance(item, int) and not isinstance(item, bool):
            yield int.__repr__(item).encode()
        else:
            yield orjson.dumps(item, write, option)


def _members(item: Any, option: int) -> Iterator[Any]:
    """What an array or an object is made of, last things first."""
    pairs: list[tuple[bytes, Any]]
    if listed := isinstance(item, list | tuple):
        pairs = [(b"", child) for child in item]
    elif isinstance(item, Mapping):
        pairs = [(_key(key, option) + b":", child) for key, child in item.items()]
    else:
        pairs = [(_key(one.name, option) + b":", getattr(item, one.name)) for one in fields(item)]
    yield _WrittenJson(b"]" if listed else b"}")
    for index, (name, child) in enumerate(reversed(pairs)):
        yield child
        yield _WrittenJson((b"" if index == len(pairs) - 1 else b",") + name)
    yield _WrittenJson(b"[" if listed else b"{")


def _text(text: str) -> bytes:
    """A text; half of a surrogate pair, of which orjson wants to know nothing, as its escape."""
    try:
        return orjson.dumps(text)
    except orjson.JSONEncodeError:
        return json.dumps(text).encode()


def _key(key: Any, option: int) -> bytes:
    """A key as orjson writes it."""
    return _text(str(key)) if isinstance(key, str) else orjson.dumps({key: 0}, option=option)[1:-3]
