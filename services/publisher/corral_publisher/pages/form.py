"""Forms made from JSON Schema: the fields of a job type's payload, and the payload made from a sent form.

What a form can't show plainly (unions, lists of objects, deep nesting) is a
text area for JSON, so every job type can be submitted from its page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from corral import json_codec
from corral.actions.json_value import escape
from corral.errors import FieldError, InvalidInput
from corral.json_pointer import unescaped

MAX_NESTING = 3
"""Levels of objects within objects that become groups of fields."""
LONG_TEXT = 200
"""Characters. A text that may be longer gets several lines."""

_ABBREVIATIONS = frozenset({"csv", "html", "id", "json", "pdf", "sql", "url", "xml"})

FILE_TEXT = 10_000
"""Characters. A text that may be longer can also be uploaded as a file."""

Schema = Mapping[str, Any]


class FieldKind(StrEnum):
    """How a field is shown in the form, and how its text is read."""

    TEXT = "text"
    LONG = "long"
    FILE_TEXT = "file-text"
    """Text that is typed, pasted or uploaded as a file."""
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    LINES = "lines"
    """A list of texts or numbers, one on each line."""
    JSON = "json"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `pointer` is its JSON pointer in the payload and its name in the form."""

    pointer: str
    label: str
    kind: FieldKind
    required: bool
    help: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    numbers: bool = False
    """Whether each line is a number."""
    accept: str = ""
    """File types that the upload offers."""
    input_type: str = "text"
    fields: tuple["Field", ...] = field(default=())


def fields_of(schema: Schema | None) -> tuple[Field, ...]:
    """The fields for a payload; one field for JSON where the payload is not a plain object."""
    if schema is None:
        return (Field("", "Payload", FieldKind.JSON, required=False, default="{}", help="Any JSON."),)
    root = _resolved(schema, schema)
    if root.get("type") != "object" or not root.get("properties"):
        return (Field("", "Payload", FieldKind.JSON, required=True, default="{}"),)
    return _properties(root, schema, "", 0)


def payload_of(fields: tuple[Field, ...], sent: Mapping[str, str]) -> Any:
    """The payload made from a sent form. Empty optional fields are left out.

    Raises:
        InvalidInput: a field can't be read, by its pointer below `/payload`.
    """
    if len(fields) == 1 and fields[0].pointer == "":
        return _json(fields[0], sent.get("payload", "") or "{}")
    errors: list[FieldError] = []
    payload = _object(fields, sent, errors)
    if errors:
        raise InvalidInput(*errors)
    return payload


def _properties(node: Schema, root: Schema, pointer: str, depth: int) -> tuple[Field, ...]:
    required = set(node.get("required", ()))
    return tuple(
        _field(
            name, _resolved(child, root), root, f"{pointer}/{escape(name)}", depth, required=name in required
        )
        for name, child in node["properties"].items()
    )


def _field(name: str, node: Schema, root: Schema, pointer: str, depth: int, *, required: bool) -> Field:
    default = node.get("default")
    plain = Field(
        pointer,
        label=_label(name, node),
        kind=FieldKind.JSON,
        required=required,
        help=_sentence(str(node.get("description", ""))),
        default=_shown(default),
    )
    items = _resolved(node.get("items", {}), root)
    match node.get("type"):
        case _ if choices := _choices(node):
            made = replace(plain, kind=FieldKind.CHOICE, choices=choices)
        case "string":
            made = _text(node, plain)
        case "integer" | "number" as kind:
            least = node.get("minimum", node.get("exclusiveMinimum"))
            most = node.get("maximum", node.get("exclusiveMaximum"))
            made = replace(plain, kind=FieldKind(kind), least=least, most=most)
        case "boolean":
            made = replace(plain, kind=FieldKind.BOOLEAN, default="true" if default is True else "")
        case "array" if items.get("type") in ("string", "integer", "number"):
            lines = "\n".join(str(item) for item in default or ())
            made = replace(plain, kind=FieldKind.LINES, default=lines, numbers=items["type"] != "string")
        case "object" if node.get("properties") and depth < MAX_NESTING:
            made = replace(plain, kind=FieldKind.GROUP, fields=_properties(node, root, pointer, depth + 1))
        case _:
            text = "" if default is None else json_codec.dumps(default, indent=True).decode()
            made = replace(plain, default=text)
    return made


def _text(node: Schema, plain: Field) -> Field:
    media = str(node.get("contentMediaType", ""))
    if media:
        return replace(plain, kind=FieldKind.FILE_TEXT, accept=f"{media},.{media.rpartition('/')[2]}")
    if node.get("maxLength", 0) > FILE_TEXT:
        return replace(plain, kind=FieldKind.FILE_TEXT)
    if node.get("maxLength", 0) > LONG_TEXT or node.get("format") == "textarea":
        return replace(plain, kind=FieldKind.LONG)
    types = {"email": "email", "uri": "url", "date": "date"}
    return replace(plain, kind=FieldKind.TEXT, input_type=types.get(str(node.get("format")), "text"))


def _label(name: str, node: Schema) -> str:
    """The label of a field: the schema's title, or words made from the name where Pydantic made the title."""
    words = name.replace("_", " ")
    title = str(node.get("title", ""))
    if title and title.lower() != words.lower():
        return title
    return name.upper() if name in _ABBREVIATIONS else words[:1].upper() + words[1:]


def _sentence(text: str) -> str:
    return f"{text}." if text and text[-1].isalnum() else text


def _choices(node: Schema) -> tuple[str, ...]:
    values = node.get("enum") or ([node["const"]] if "const" in node else [])
    return tuple(values) if values and all(isinstance(value, str) for value in values) else ()


def _resolved(node: Schema, root: Schema) -> Schema:
    """The schema with references resolved. `X or null` becomes X, which is then optional."""
    seen = 0
    while seen < 20:
        seen += 1
        if "$ref" in node:
            target: Any = root
            for part in re.sub(r"^#/?", "", node["$ref"]).split("/"):
                target = target.get(unescaped(part), {}) if part else target
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
            continue
        options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
        if len(options) == 1:
            node = {**options[0], **{key: value for key, value in node.items() if key != "anyOf"}}
            continue
        break
    return node


def _shown(default: Any) -> str:
    return "" if default is None else str(default)


def _object(fields: tuple[Field, ...], sent: Mapping[str, str], errors: list[FieldError]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in fields:
        name = unescaped(item.pointer.rpartition("/")[2])
        if item.kind is FieldKind.GROUP:
            if item.required or any(_filled(child, sent) for child in item.fields):
                made[name] = _object(item.fields, sent, errors)
            continue
        text = sent.get(item.pointer, "")
        if item.kind is FieldKind.BOOLEAN:
            made[name] = text == "true"
        elif text.strip() or (
            item.required and item.kind in (FieldKind.TEXT, FieldKind.LONG, FieldKind.FILE_TEXT)
        ):
            try:
                made[name] = _value(item, text)
            except InvalidInput as error:
                errors.extend(error.errors)
    return made


def _filled(item: Field, sent: Mapping[str, str]) -> bool:
    """Whether anything was entered in this field or below it."""
    return bool(sent.get(item.pointer, "").strip()) or any(_filled(child, sent) for child in item.fields)


def _value(item: Field, text: str) -> Any:
    match item.kind:
        case FieldKind.INTEGER | FieldKind.NUMBER:
            return _number(item, text)
        case FieldKind.LINES:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return [_number(item, line) for line in lines] if item.numbers else lines
        case FieldKind.JSON:
            return _json(item, text)
        case _:
            return text.replace("\r\n", "\n")  # what browsers send for every new line


def _number(item: Field, text: str) -> int | float:
    try:
        if item.kind is FieldKind.INTEGER or text.strip().lstrip("-").isdigit():
            return int(text)
        number = float(text)
    except ValueError as error:
        raise InvalidInput(FieldError(f"/payload{item.pointer}", f"{text[:50]!r} is no number")) from error
    try:
        digits: float = json_codec.loads(text.strip())
    except ValueError:  # `.5`, which people write and JSON does not
        return number
    return digits


def _json(item: Field, text: str) -> Any:
    try:
        return json_codec.loads(text)
    except ValueError as error:
        raise InvalidInput(FieldError(f"/payload{item.pointer}", f"is not JSON: {error}")) from error
