"""Numbers in models: `Annotated[float, Bounded(DELAY)]` is checked, documented and refused by the same bounds."""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from corral.job.bounds import Bounds

OUT_OF_BOUNDS = "out_of_bounds"
"""The type of Pydantic's error."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """Marks a number of a model. The error says value, bounds and unit."""

    bounds: Bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the type."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say it in JSON Schema."""
        least = "exclusiveMinimum" if self.bounds.above else "minimum"
        return handler(schema) | {least: self.bounds.least, "maximum": self.bounds.most}

    def _check(self, value: float) -> float:
        fault = self.bounds.fault(value)
        if fault is not None:
            raise PydanticCustomError(OUT_OF_BOUNDS, "{fault}", {"fault": fault})
        return value
