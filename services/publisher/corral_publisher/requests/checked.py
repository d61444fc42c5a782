"""Bodies as models: what is wrong in them is named, at most twenty places of it."""

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from corral.errors import InvalidInput
from corral_publisher.responses import problems

M = TypeVar("M", bound=BaseModel)
MANY: Final = 2_000
"""Errors of one body. Pydantic can only list all of them, which takes seconds for a million."""
KEPT: Final = 20
"""Members of each list and object that are looked at again where there are more errors than that."""


def checked(model: type[M], value: Any) -> M:
    """Check a body and return its model.

    Raises:
        InvalidInput: names the fields.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refusal(model, value, error) from error


def refusal(model: type[BaseModel], value: Any, error: ValidationError) -> InvalidInput:
    """Corral's error for what a model said of a body; where that is very much, of a part of the body."""
    if error.error_count() > MANY:
        try:
            model.model_validate(_part(value, known=model.model_fields))
        except ValidationError as told:
            found = [item for item in told.errors() if item["type"] != "missing"]  # that may have been cut
            if found:
                return problems.of_items(found)
    return problems.of_items(error.errors())


def _part(value: Any, known: Any = ()) -> Any:
    """The value with the first members of each list and object, and those of names that are known."""
    if isinstance(value, dict):
        names = [*(name for name in known if name in value), *[*value][:KEPT]]
        return {name: _part(value[name]) for name in names}
    return [_part(one) for one in value[:KEPT]] if isinstance(value, list) else value
