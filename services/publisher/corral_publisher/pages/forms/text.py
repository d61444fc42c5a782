"""The text that each field of a form holds where the form shows a payload: the way back from `form.payload_of`."""

from collections.abc import Mapping
from typing import Any

from corral import json_codec
from corral.json_pointer import unescaped
from corral_publisher.pages.forms.form import WHOLE, Field, FieldKind, shown


def texts_of(fields: tuple[Field, ...], payload: Mapping[str, Any]) -> dict[str, str]:
    """What each field holds where the form shows this payload, by the field's name; what the payload lacks is left out."""
    if len(fields) == 1 and fields[0].pointer == "":
        return {WHOLE: json_codec.dumps(dict(payload), indent=True).decode()} if payload else {}
    texts: dict[str, str] = {}
    for item in fields:
        name = unescaped(item.pointer.rpartition("/")[2])
        if name not in payload:
            continue
        value = payload[name]
        if item.kind is FieldKind.GROUP:
            texts |= texts_of(item.fields, value) if isinstance(value, Mapping) else {}
        else:
            texts[item.pointer] = _text_of(item, value)
    return texts


def _text_of(item: Field, value: Any) -> str:
    match item.kind:
        case FieldKind.BOOLEAN:
            return "true" if value is True else ""
        case FieldKind.LINES if isinstance(value, list):
            return "\n".join(str(one) for one in value)
        case FieldKind.JSON:
            return json_codec.dumps(value, indent=True).decode()
        case _:
            return shown(value)
