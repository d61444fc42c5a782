"""What a JSON Schema says of a value, as types that belong to no language. Immutable."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No value at all: a schema that is false."""


@dataclass(frozen=True, slots=True)
class Null:
    """JSON's null."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""


@dataclass(frozen=True, slots=True)
class NumberType:
    """A number."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text. A format says what it stands for: `date-time`, `uuid`, `decimal`, ..."""

    format: str = ""


@dataclass(frozen=True, slots=True)
class Literal:
    """One of these values: texts, whole numbers, booleans, null."""

    values: tuple[str | int | bool | None, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; `unique` where it stands for a set."""

    item: "Type"
    unique: bool = False


@dataclass(frozen=True, slots=True)
class TupleOf:
    """A list with a type for each place; `rest` is that of further items, None where there may be none."""

    items: tuple["Type", ...]
    rest: "Type | None" = None


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with any keys."""

    value: "Type"


@dataclass(frozen=True, slots=True)
class Union:
    """One of several; never one within another, never the same twice."""

    options: tuple["Type", ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A definition, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordField:
    """A member of a record."""

    name: str
    """As JSON spells it."""
    type: "Type"
    required: bool
    notes: tuple[str, ...] = ()
    """What the schema says of it for people: description, default, bounds, examples."""


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known members."""

    fields: tuple[RecordField, ...]
    rest: "Type | None" = None
    """The type of members that have no name here, where the schema speaks of such."""


Type = (
    Anything
    | Nothing
    | Null
    | Boolean
    | Whole
    | NumberType
    | Text
    | Literal
    | ListOf
    | TupleOf
    | MapOf
    | Union
    | Named
    | Record
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A type with a name. A `Record` stands nowhere but here."""

    name: str
    type: Type
    notes: tuple[str, ...] = ()


def union(options: Iterator[Type]) -> Type:
    """Of several the one type that says all: flat, each once, literals as one."""
    flat: list[Type] = []
    for option in options:
        flat += option.options if isinstance(option, Union) else (option,)
    if Anything() in flat:
        return Anything()
    values = {(type(value), value): value for one in flat if isinstance(one, Literal) for value in one.values}
    literal = [Literal(tuple(values.values()))] if values else []
    merged: dict[Type, None] = {}
    for one in flat:
        if isinstance(one, Literal):
            merged |= dict.fromkeys(literal)
        elif not isinstance(one, Nothing):
            merged.setdefault(one)
    if NumberType() in merged:
        merged.pop(Whole(), None)
    match tuple(merged):
        case ():
            return Nothing()
        case (only,):
            return only
        case several:
            return Union(several)


def parts_of(kind: Type) -> Iterator[Type]:
    """A type and all that it is made of; of definitions no more than their name."""
    yield kind
    match kind:
        case ListOf(item=inner) | MapOf(value=inner):
            yield from parts_of(inner)
        case TupleOf(items=several, rest=rest):
            for one in several:
                yield from parts_of(one)
            if rest is not None:
                yield from parts_of(rest)
        case Union(options=several):
            for one in several:
                yield from parts_of(one)
        case Record(fields=fields, rest=rest):
            for field in fields:
                yield from parts_of(field.type)
            if rest is not None:
                yield from parts_of(rest)
        case _:
            pass
