"""Checking a payload against its registered schema, with a JSON pointer for every error."""

from typing import Any

from corral.catalog.payloads.judgement import Unjudged, judgement_of
from corral.catalog.payloads.wording import Wording
from corral.catalog.record import TypeRecord
from corral.errors import FieldError, InvalidInput

MAX_ERRORS = 20
"""Errors told at once: enough to mend a form, bounded for a hostile payload."""


class Validator:
    """Checks payloads of one job type. Compiling the schema is the costly part: keep it."""

    def __init__(self, record: TypeRecord) -> None:
        self.record = record
        self._judgement = None if record.payload_schema is None else judgement_of(record.payload_schema)

    @property
    def unjudged(self) -> tuple[Unjudged, ...]:
        """The places of a payload that only the worker checks, with its model."""
        return () if self._judgement is None else self._judgement.unjudged

    def check(self, payload: Any) -> None:
        """Check a payload, given as parsed JSON. Whatever the model would take is accepted.

        Raises:
            InvalidInput: with one error per fault, at most 20, each with its pointer below `/payload`.
        """
        if self._judgement is None or self._judgement.validator.is_valid(payload):
            return
        wording = Wording(self._judgement.schema)
        errors: list[FieldError] = []
        for error in self._judgement.validator.iter_errors(payload):
            errors.extend(wording.faults(error))
            if len(errors) >= MAX_ERRORS:
                break
        raise InvalidInput(*errors[:MAX_ERRORS])
