"""Regular expressions that a publisher matches, for the engines of Python and of JavaScript.

A publisher reads patterns by Rust's engine, or as JavaScript's. Only what all engines understand alike is passed on; of
any other pattern the publisher keeps the judgement.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_MEANT: Final = frozenset("\\^$.|?*+()[]{}/-")
_CLASSES: Final = frozenset("dwsDWS")
_CONTROLS: Final = frozenset("ntr")
_COUNT: Final = re.compile(r"\{(\d{1,4})(,(\d{1,4})?)?\}")
_OTHERS: Final[Mapping[str, str | tuple[str, str]]] = {".": "[^\\n]", "$": ("\\Z", "$")}
_GROUP: Final = re.compile(r"\(\?(?:P?<[A-Za-z_]\w*>|:)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern in both dialects."""

    python: str
    javascript: str
    ascii_only: bool
    """Whether engines differ beyond ASCII: what a digit, a word or a space is."""


class _Differs(Exception):
    """Engines read this differently."""


def translated(pattern: str) -> Pattern | None:
    """The pattern in both dialects; None where they would not mean the same."""
    parts: list[tuple[str, str]] = []
    try:
        parts += [(part, part) if isinstance(part, str) else part for part in _parts(pattern)]
        python, javascript = ("".join(one) for one in zip(*parts, strict=True)) if parts else ("", "")
        re.compile(python)
    except (_Differs, re.error, OverflowError, RecursionError):
        return None
    return Pattern(python, javascript, any(part[:1] == "\\" and part[1:] in _CLASSES for part, _ in parts))


def _parts(pattern: str) -> Iterator[str | tuple[str, str]]:
    """Pieces of the pattern, as a text for both or one for each."""
    place, repeatable = 0, False
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            yield _escaped(pattern[place + 1 : place + 2], r"\^$.|?*+()[]{}/")
            place, repeatable = place + 2, True
        elif sign == "[":
            inner, place = _class(pattern, place + 1)
            yield from inner
            repeatable = True
        elif sign == "(":
            group = _GROUP.match(pattern, place)
            if group is None and pattern[place + 1 : place + 2] == "?":
                raise _Differs
            yield "(?:"
            place, repeatable = group.end() if group else place + 1, False
        elif sign in "*+?{":
            piece, place = _repeated(pattern, place)
            if not repeatable:
                raise _Differs
            yield piece
            repeatable = False
        elif sign in "]}":
            raise _Differs
        else:
            yield _OTHERS.get(sign, sign)
            place, repeatable = place + 1, sign not in "^$|"


def _repeated(pattern: str, place: int) -> tuple[str, int]:
    """A count and whether it is lazy; what follows it must be no second one."""
    count = _COUNT.match(pattern, place)
    if pattern[place] == "{" and count is None:
        raise _Differs
    piece = count.group() if count else pattern[place]
    place += len(piece)
    if pattern[place : place + 1] == "?":
        piece, place = piece + "?", place + 1
    return piece, place


def _escaped(sign: str, syntax: str) -> str:
    if sign and (sign in _CLASSES or sign in _CONTROLS):
        return f"\\{sign}"
    if sign not in _MEANT or not sign:
        raise _Differs
    return f"\\{sign}" if sign in syntax and sign != "/" else sign


def _class(pattern: str, place: int) -> tuple[list[str], int]:
    """What is in brackets, from behind the opening one."""
    parts = ["["]
    if pattern[place : place + 1] == "^":
        parts, place = ["[^"], place + 1
    first = True
    while (sign := pattern[place : place + 1]) != "]" or first:
        following = pattern[place + 1 : place + 2]
        if not sign or sign in "[]" or (sign in "&~-" and following == sign):
            raise _Differs
        if sign == "\\":
            parts.append(_escaped(following, r"\]^-["))
            place += 2
        else:
            at_an_end = first or following == "]"
            parts.append("\\-" if sign == "-" and at_an_end else "\\^" if sign == "^" else sign)
            place += 1
        first = False
    return [*parts, "]"], place + 1
