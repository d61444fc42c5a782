"""How jobs of one type are handled: together, so many at once, or those that are there after a while."""

from dataclasses import dataclass, fields
from typing import Any

from corral.job.bounds import Bounds
from corral.job.shown import shown

SIZE = Bounds(1, 1000, "jobs", whole=True)
WAIT = Bounds(0, 3600, "seconds")
BYTES = Bounds(1, 64 * 2**20, "bytes", whole=True)
MAX_BY = 200
"""Characters of the path of a payload field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs of one type are handled together: `Batch(size=100, wait=3)`.

    A batch starts when `size` jobs wait, or when the oldest has waited `wait` seconds.
    """

    size: int = 100
    """The most jobs of one batch."""
    wait: float = 1.0
    """Seconds that the oldest job waits at most for others to join it."""
    max_bytes: int | None = None
    """Bytes of JSON that the payloads of one batch have at most; a job that has more goes alone."""
    by: str | None = None
    """The path of a payload field: jobs of one batch have the same value there. None: any jobs of the type."""

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: names the value and its range.
        """
        for name, bounds in BOUNDS.items():
            value = getattr(self, name)
            if value is None and name == "max_bytes":
                continue
            if (fault := bounds.fault(value)) is not None:
                raise ValueError(f"batch.{name} {fault}")
        by: Any = self.by
        if by is not None and not (isinstance(by, str) and 1 <= len(by) <= MAX_BY):
            raise ValueError(
                f"batch.by is {shown(self.by)}; it must be the path of a payload field, such as customer.id"
            )

    @property
    def values(self) -> dict[str, Any]:
        """As JSON by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


BOUNDS = {"size": SIZE, "wait": WAIT, "max_bytes": BYTES}
PARTS = frozenset(field.name for field in fields(Batch))
"""What can be said of a batch."""
