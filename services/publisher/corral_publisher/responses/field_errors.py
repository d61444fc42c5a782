"""Messages for wrong fields of a request, made from Pydantic's errors."""

from collections.abc import Mapping
from typing import Any, Final

from corral.job.moment import EXAMPLE
from corral.job.shown import shown

MAX_MESSAGE: Final = 300
"""Characters in one message."""
_ALLOWED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), "text"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type"), "an object"),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"),
        f"a time such as {EXAMPLE}",
    ),
    "timezone_aware": f"a time with its zone, such as {EXAMPLE}",
    "uuid_parsing": "a UUID",
}
"""What is allowed, by the type of Pydantic's error."""


_COUNTED: Final[Mapping[str, tuple[str, str, str]]] = {
    "string_too_long": ("characters", "at most", "max_length"),
    "string_too_short": ("characters", "at least", "min_length"),
    "too_long": ("items", "at most", "max_length"),
    "too_short": ("items", "at least", "min_length"),
}
"""What is counted and how Pydantic names the bound, by the type of its error."""
_PLAIN: Final[Mapping[str, str]] = {"missing": "is required", "extra_forbidden": "is not a known field"}


def message_of(error: Mapping[str, Any]) -> str:
    """The message for one of Pydantic's errors. It is written to follow the field's name."""
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "value_error":
        return str(context["error"])
    if kind in _COUNTED and isinstance(value, str | list | tuple):
        things, bound, limit = _COUNTED[kind]
        return f"has {len(value):,} {things}; it must have {bound} {context[limit]:,}"
    allowed = context.get("expected") if kind in ("literal_error", "enum") else _ALLOWED.get(kind)
    return f"is {shown(value)}; it must be {allowed}" if allowed else str(error["msg"])[:MAX_MESSAGE]
