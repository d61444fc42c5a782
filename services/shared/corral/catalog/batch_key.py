"""Which jobs of a type may be handled together: those whose payloads have the same value where its batches look."""

from collections.abc import Mapping
from typing import Any

from corral.catalog.limits.evaluation import SHARED, key_of
from corral.catalog.limits.key import key_text
from corral.catalog.payloads.field import MISSING, NoSuchField, PayloadField, payload_field
from corral.errors import FieldError, InvalidInput
from corral.job.limit_use import batch_key


class BatchKeys:
    """Tells the batch keys of payloads of one job type. Compiled once."""

    def __init__(self, job_type: str, by: str | None, schema: Mapping[str, Any] | None) -> None:
        """Raises: NoSuchField: `by` names a field that the payload does not have."""
        self._type = job_type
        self._field: PayloadField | None = None
        if by is not None:
            try:
                self._field = payload_field(schema, by)
            except NoSuchField as error:
                raise NoSuchField(f"batch.by names {by}; the payload has {error}") from None

    def of(self, payload: Any) -> str:
        """The key of a payload, as parsed JSON. Payloads without a value there have one key in common.

        Raises:
            InvalidInput: the value can't be a key; names the field.
        """
        if self._field is None:
            return batch_key(self._type, SHARED)
        value = self._field.read(payload)
        if value is MISSING or value is None or value == "":
            return batch_key(self._type, SHARED)
        text = key_text(value)
        if text is None:
            kind = "a list" if isinstance(value, list) else "an object"
            reason = (
                f"is {kind}; jobs are handled together by it, so it must be text, a number, true or false"
            )
            raise InvalidInput(FieldError(self._field.pointer, reason))
        return batch_key(self._type, key_of(text))
