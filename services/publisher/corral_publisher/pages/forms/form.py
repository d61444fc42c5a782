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
from corral.actions.submissions.json_value import escape
from corral.errors import FieldError, InvalidInput
from corral.json_pointer import unescaped

MAX_NESTING = 3
"""Levels of objects within objects that become groups of fields."""
LONG_TEXT = 200
"""Characters. A text that may be longer gets several lines."""

_ABBREVIATIONS = frozenset({"csv", "html", "id", "json", "pdf", "sql", "url", "xml"})

FILE_TEXT = 10_000
"""Characters. A text that may be longer can also be uploaded as a file."""

WHOLE = "payload"
"""The name of the one field of a payload that is no plain object."""

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
    UPLOAD = "upload"
    """The id of an upload; the form takes a file and stores it."""
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
    or_one: bool = False
    """Whether a single line is a text of its own instead of a list."""
    accept: str = ""
    """File types that the upload offers."""
    input_type: str = "text"
    fields: tuple["Field", ...] = field(default=())

    @property
    def name(self) -> str:
        """Its name in the form."""
        return self.pointer or WHOLE


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
        return _json(fields[0], sent.get(WHOLE, "") or "{}")
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
        default=shown(default),
    )
    items = _resolved(node.get("items", {}), root)
    if _one_or_several(node, root):
        return replace(plain, kind=FieldKind.LINES, or_one=True)
    match node.get("type"):
        case _ if choices := _choices(node):
            made = replace(plain, kind=FieldKind.CHOICE, choices=choices)
        case "string":
            made = _text(node, plain)
        case None if node.get("anyOf") and _all_texts(node, root):
            one_line = all(_one_line(_resolved(option, root)) for option in node["anyOf"])
            made = replace(plain, kind=FieldKind.TEXT if one_line else FieldKind.LONG)
        case "array" if items.get("anyOf") and _all_texts(items, root):
            made = replace(plain, kind=FieldKind.LINES, default="\n".join(map(str, default or ())))
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


def _one_or_several(node: Schema, root: Schema) -> bool:
    """Whether the value is a text or a list of texts."""
    options = [_resolved(option, root) for option in node.get("anyOf", ())]
    texts = [option for option in options if option.get("type") == "string"]
    lists = [option for option in options if option.get("type") == "array"]
    return (
        bool(texts)
        and len(lists) == 1
        and len(texts) + 1 == len(options)
        and _all_texts(lists[0].get("items", {}), root)
    )


def _all_texts(node: Schema, root: Schema) -> bool:
    node = _resolved(node, root)
    options = node.get("anyOf") or [node]
    return all(_resolved(option, root).get("type") == "string" for option in options)


def _text(node: Schema, plain: Field) -> Field:
    media = str(node.get("contentMediaType", ""))
    if media:
        return replace(plain, kind=FieldKind.FILE_TEXT, accept=f"{media},.{media.rpartition('/')[2]}")
    if _one_line(node):
        pass  # however long it may be
    elif node.get("maxLength", 0) > FILE_TEXT:
        return replace(plain, kind=FieldKind.FILE_TEXT)
    elif node.get("maxLength", 0) > LONG_TEXT or node.get("format") == "textarea":
        return replace(plain, kind=FieldKind.LONG)
    types = {"email": "email", "uri": "url", "date": "date"}
    return replace(plain, kind=FieldKind.TEXT, input_type=types.get(str(node.get("format")), "text"))


def _one_line(node: Schema) -> bool:
    """Whether its pattern forbids a line end."""
    try:
        return "pattern" in node and re.search(node["pattern"], "a\nb") is None
    except re.error:  # a pattern of JavaScript's
        return False


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


def shown(default: Any) -> str:
    """A plain value as the text of a field."""
    return "" if default is None else str(default)


def _object(fields: tuple[Field, ...], sent: Mapping[str, str], errors: list[FieldError]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in fields:
        name = unescaped(item.pointer.rpartition("/")[2])
        if item.kind is FieldKind.GROUP:
            if item.required or any(filled(child, sent) for child in item.fields):
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


def filled(item: Field, sent: Mapping[str, str]) -> bool:
    """Whether anything was entered in this field or below it."""
    return bool(sent.get(item.pointer, "").strip()) or any(filled(child, sent) for child in item.fields)


def _value(item: Field, text: str) -> Any:
    match item.kind:
        case FieldKind.INTEGER | FieldKind.NUMBER:
            return _number(item, text)
        case FieldKind.LINES:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if item.or_one and len(lines) == 1:
                return lines[0]
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
