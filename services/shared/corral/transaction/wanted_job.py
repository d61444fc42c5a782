"""What a caller asks for, checked as far as that needs no database."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import from_json

from corral.context import SubmitOptions
from corral.context.context import name_of
from corral.context.json_text import json_text
from corral.context.options import plain_options
from corral.errors import FieldError, InvalidInput


class WantedJob(NamedTuple):
    """A job to be submitted."""

    type: str
    payload: Any
    """Plain JSON."""
    options: SubmitOptions


def of_bulk(at: int, job: Mapping[str, Any]) -> WantedJob:
    """One job of a bulk.

    Raises:
        InvalidInput: it names no type, has an option that is none, or one with a wrong value; the pointer names it.
    """
    options = {name: value for name, value in job.items() if name not in {"type", "payload"}}
    if "type" not in job:
        raise InvalidInput(FieldError(f"/jobs/{at}/type", "is missing"))
    if "idempotency_key" in options:
        reason = "belongs to the whole bulk: give it to submit_many"
        raise InvalidInput(FieldError(f"/jobs/{at}/idempotency_key", reason))
    try:
        plain = plain_options(options)
    except (TypeError, ValueError) as error:
        raise InvalidInput(FieldError(f"/jobs/{at}", str(error))) from error
    text = json_text(job.get("payload"), f"/jobs/{at}/payload")
    return WantedJob(name_of(job["type"]), from_json(text), plain)
