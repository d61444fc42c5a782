"""Types as TypeScript writes them."""

import json
import re
from collections.abc import Mapping
from typing import Final

from corral.codegen.typed_model import (
    Anything,
    Boolean,
    ListOf,
    Literal,
    MapOf,
    Named,
    Nothing,
    Null,
    NumberType,
    Record,
    Text,
    TupleOf,
    Type,
    Union,
    Whole,
)

_NATIVE: Final[Mapping[str, tuple[str, ...]]] = {"date-time": ("Date",), "decimal": ("number",)}
"""What a program has in place of a text of this format; it is written as JSON before it is sent."""
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


def expression(kind: Type, *, sent: bool) -> str:
    """A type as an annotation. `sent` is what a program gives; otherwise what it gets, which is JSON as it is."""
    return " | ".join(dict.fromkeys(alternatives(kind, sent=sent)))


def alternatives(kind: Type, *, sent: bool) -> list[str]:  # noqa: C901, PLR0911  a case for each kind
    """The parts of which an annotation is made, any of which may be."""
    read_only = "readonly " if sent else ""
    match kind:
        case Union(options=several):
            return [part for one in several for part in alternatives(one, sent=sent)]
        case Anything() | Record():
            return ["unknown"]
        case Nothing():
            return ["never"]
        case Null():
            return ["null"]
        case Boolean():
            return ["boolean"]
        case Whole() | NumberType():
            return ["number"]
        case Text(format=name):
            return ["string", *(_NATIVE.get(name, ()) if sent else ())]
        case Literal(values=values):
            return [json.dumps(value, ensure_ascii=False) for value in values]
        case ListOf(item=item):
            return [f"{read_only}{_inner(item, sent=sent)}[]"]
        case TupleOf(items=items, rest=rest):
            parts = [expression(one, sent=sent) for one in items]
            more = [] if rest is None else [f"...{_inner(rest, sent=sent)}[]"]
            return [f"{read_only}[{', '.join(parts + more)}]"]
        case MapOf(value=value):
            return [f"{{ {read_only}[key: string]: {expression(value, sent=sent)} }}"]
        case Named(name=name):
            return [name]


def member(name: str) -> str:
    """A member's name, quoted where it is no identifier."""
    return name if _NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _inner(kind: Type, *, sent: bool) -> str:
    parts = list(dict.fromkeys(alternatives(kind, sent=sent)))
    text = " | ".join(parts)
    return f"({text})" if len(parts) > 1 or text.startswith("readonly") else text
