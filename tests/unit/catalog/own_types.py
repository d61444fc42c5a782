"""Types of a team with schemas of their own."""

from typing import Any

from pydantic import (
    GetCoreSchemaHandler,
)
from pydantic_core import core_schema


class Forgiving:
    """A whole number, or 0."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_default_schema(core_schema.int_schema(), default=0, on_error="default")


class Opaque:
    """Pydantic knows nothing of it."""


class Colour:
    """Reads everything itself, and says that it is text."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "color"}

    @staticmethod
    def _read(value: Any) -> Any:
        if isinstance(value, str | list):
            return value
        raise ValueError("no colour")
