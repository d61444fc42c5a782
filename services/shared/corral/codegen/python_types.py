"""Types as Python writes them, for mypy and pyright."""

import builtins
import keyword
from collections.abc import Mapping
from typing import Final

from corral.codegen.source_text import python_string
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

_NATIVE: Final[Mapping[str, tuple[str, ...]]] = {
    "date-time": ("datetime",),
    "date": ("date",),
    "time": ("time",),
    "duration": ("timedelta",),
    "binary": ("bytes",),
    "base64": ("bytes",),
    "base64url": ("bytes",),
    "decimal": ("Decimal", "int", "float"),
    **{f"uuid{version}": ("UUID",) for version in ("", *range(1, 9))},
}
"""What a program has in place of a text of this format; it is written as that text before it is sent."""
IMPORTED: Final = frozenset(
    {"Any", "Literal", "Never", "NotRequired", "TypeAlias", "TypedDict", "Decimal", "UUID"}
    | {"date", "datetime", "time", "timedelta"}
)


def expression(kind: Type, *, sent: bool) -> str:
    """A type as an annotation. `sent` is what a program gives; otherwise what it gets, which is JSON as it is."""
    return " | ".join(dict.fromkeys(alternatives(kind, sent=sent)))


def alternatives(kind: Type, *, sent: bool) -> list[str]:  # noqa: C901, PLR0911, PLR0912  a case for each kind
    """The parts of which an annotation is made, any of which may be."""
    match kind:
        case Union(options=several):
            return [part for one in several for part in alternatives(one, sent=sent)]
        case Anything() | Record():
            return ["Any"]
        case Nothing():
            return ["Never"]
        case Null():
            return ["None"]
        case Boolean():
            return ["bool"]
        case Whole():
            return ["int"]
        case NumberType():
            return ["float"]
        case Text(format=name):
            return ["str", *(_NATIVE.get(name, ()) if sent else ())]
        case Literal(values=values):
            return [f"Literal[{', '.join(map(_literal, values))}]"]
        case ListOf(item=item, unique=unique):
            return _list_of([item], sent=sent, sets=unique)
        case TupleOf(items=items, rest=None) if sent:
            return [f"tuple[{', '.join(expression(one, sent=sent) for one in items) or '()'}]"]
        case TupleOf(items=items, rest=rest):  # what comes is a list, whose places Python can't tell apart
            return _list_of([*items, *([] if rest is None else [rest])], sent=sent)
        case MapOf(value=value):
            return [f"dict[str, {expression(value, sent=sent)}]"]
        case Named(name=name):
            return [name]


def _literal(value: str | int | bool | None) -> str:
    return python_string(value) if isinstance(value, str) else repr(value)


def _list_of(items: list[Type], *, sent: bool, sets: bool = False) -> list[str]:
    parts = [part for one in items for part in alternatives(one, sent=sent)]
    inner = " | ".join(dict.fromkeys(parts)) or "Any"
    made = [f"list[{inner}]"]
    if sent:
        made.append(f"tuple[{inner}, ...]")
    return [*made, f"set[{inner}]", f"frozenset[{inner}]"] if sent and sets else made


def is_plain(record: Record, known: frozenset[str]) -> bool:
    """Whether a class can have these members: names that are no words of Python, and hide none that types need."""
    return all(
        field.name.isidentifier()
        and field.name.isascii()
        and not keyword.iskeyword(field.name)
        and not field.name.startswith("__")
        and not hasattr(builtins, field.name)
        and field.name not in IMPORTED | known
        for field in record.fields
    )
