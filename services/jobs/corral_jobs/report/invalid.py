"""Why a report cannot be made from what was sent."""

from corral.errors import FieldError, InvalidInput


class InvalidReport(InvalidInput):
    """The data are at fault: trying again with the same request fails again.

    `field` is a JSON pointer into the request ("/csv", "/rows/3/amount");
    `reason` says what was wrong there, with the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(FieldError(field, reason))
        self.field = field
        self.reason = reason
