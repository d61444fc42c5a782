"""What a setting's declaration says about it: its allowed range in words."""

from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from corral.bounded import Bounded
from corral.job.bounds import Bounds


@dataclass(frozen=True, slots=True)
class DeclaredSetting:
    """A setting as it was declared."""

    name: str
    meaning: str
    allowed: str
    default: object
    """None where there is none, or where the machine decides."""
    bounds: Bounds | None = None
    """Of a number."""
    whole: bool = False
    """Whether it is a whole number."""


def declared(model: Any, name: str) -> DeclaredSetting:
    """The declaration of one setting of the model."""
    info: FieldInfo = model.__pydantic_fields__[name]
    base, marks = _flat(info.annotation)
    marks += list(info.metadata)
    extras = [info.json_schema_extra or {}] + [
        m.json_schema_extra or {} for m in marks if isinstance(m, FieldInfo)
    ]
    merged: dict[str, Any] = {}
    for extra in extras:
        merged |= extra if isinstance(extra, dict) else {}
    for mark in list(marks):
        marks += mark.metadata if isinstance(mark, FieldInfo) else []
    allowed = merged.get("allowed") or _words(base, marks)
    default = None if info.default is PydanticUndefined else info.default
    bounds = next((mark.bounds for mark in marks if isinstance(mark, Bounded)), None)
    return DeclaredSetting(name, info.description or "", allowed, default, bounds, base is int)


def _flat(annotation: Any) -> tuple[Any, list[Any]]:
    """The type below Annotated and Optional, and every mark on the way."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        base, more = _flat(inner)
        return base, more + marks
    if get_origin(annotation) in (Union, UnionType):
        inner = next(part for part in get_args(annotation) if part is not type(None))
        return _flat(inner)
    return annotation, []


def _words(base: Any, marks: list[Any]) -> str:
    if get_origin(base) is Literal:
        return " or ".join(get_args(base))
    words = {
        tuple: "names separated by commas",
        bool: "true or false",
        int: f"a whole number{_range(marks)}",
        float: f"a number{_range(marks)}",
        Path: "a path",
        str: "text",
    }
    return words[get_origin(base) or base]


def _range(marks: list[Any]) -> str:
    """`from 0 to 300 seconds`; a plain number needs no bounds."""
    bounds = next((mark.bounds for mark in marks if isinstance(mark, Bounded)), None)
    if bounds is None:
        return ""
    return f" {bounds.span}" if bounds.above else f" from {bounds.span}"
