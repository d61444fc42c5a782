"""Checking a payload against its registered schema, with a JSON pointer for every error."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

import jsonschema_rs
from pydantic import TypeAdapter, ValidationError

from corral.catalog.record import TypeRecord
from corral.errors import DeclarationError, FieldError, InvalidInput

MAX_ERRORS = 20
"""Errors told at once: enough to mend a form, bounded for a hostile payload."""
MAX_MESSAGE = 300
"""Characters; the library's messages repeat the value, which may be large."""
ROOT = "/payload"

_PYDANTIC_FORMATS: dict[str, TypeAdapter[Any]] = {
    "date-time": TypeAdapter(datetime),
    "time": TypeAdapter(time),
    "duration": TypeAdapter(timedelta),
}
"""Formats that Pydantic reads more generously than their RFC: a naive datetime is fine for a handler."""


class Validator:
    """Checks payloads of one job type. Compiling the schema is the costly part: keep it."""

    def __init__(self, record: TypeRecord) -> None:
        self.record = record
        if record.payload_schema is None:
            self._compiled = None
            return
        try:
            self._compiled = jsonschema_rs.Draft202012Validator(
                record.payload_schema,
                validate_formats=True,
                formats={name: _reads(adapter) for name, adapter in _PYDANTIC_FORMATS.items()},
                # The engine without backtracking: a pattern can't be made to take seconds.
                pattern_options=jsonschema_rs.RegexOptions(),
                offline=True,
            )
        except (jsonschema_rs.ValidationError, ValueError) as error:
            raise DeclarationError(
                f"job type {record.name}: its payload schema is no schema: {error}"
            ) from error

    def check(self, payload: Any) -> None:
        """Accept a payload, as parsed JSON.

        Raises:
            InvalidInput: with one error per fault, at most 20, each with its pointer below `/payload`.
        """
        if self._compiled is None or self._compiled.is_valid(payload):
            return
        errors: list[FieldError] = []
        for error in self._compiled.iter_errors(payload):
            errors.extend(self._faults(error))
            if len(errors) >= MAX_ERRORS:
                break
        raise InvalidInput(*errors[:MAX_ERRORS])

    def _faults(self, error: jsonschema_rs.ValidationError) -> Iterator[FieldError]:
        """The field errors that one schema error stands for: missing and extra fields are named themselves."""
        path, kind = error.instance_path, jsonschema_rs.ValidationErrorKind
        match error.kind:
            case kind.Required(property=name):
                yield FieldError(pointer(*path, name), "is required")
            case kind.AdditionalProperties(unexpected=names):
                for name in names:
                    yield FieldError(pointer(*path, name), "is not a known field")
            case kind.OneOfNotValid() | kind.OneOfMultipleValid() if names := self._choices(error):
                yield FieldError(pointer(*path), f"needs exactly one of {', '.join(names)}")
            case _:
                yield FieldError(pointer(*path), _cut(error.message))

    def _choices(self, error: jsonschema_rs.ValidationError) -> list[str]:
        """The fields between which a oneOf chooses; none where it chooses between other things."""
        schema: Any = self.record.payload_schema
        try:
            for step in error.schema_path:
                schema = schema[step]
            return [", ".join(choice["required"]) for choice in schema]
        except (KeyError, IndexError, TypeError):
            return []


def pointer(*path: str | int) -> str:
    """A JSON pointer below `/payload`. Source: RFC 6901, section 3."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "".join((ROOT, *(f"/{part}" for part in escaped)))


def _cut(message: str) -> str:
    return (
        message
        if len(message) <= MAX_MESSAGE
        else f"{message[: MAX_MESSAGE // 2]} … {message[-MAX_MESSAGE // 2 :]}"
    )


def _reads(adapter: TypeAdapter[Any]) -> Any:
    def reads(text: str) -> bool:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return False
        return True

    return reads
