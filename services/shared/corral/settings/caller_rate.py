"""How much one caller may ask of the API in a time: what CORRAL_API_RATE and CORRAL_API_JOB_RATE say."""

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, Field

UNITS = {"s": 1.0, "min": 60.0, "h": 3_600.0}
MOST, LONGEST_SECONDS = 1_000_000, 86_400.0
_FORM = re.compile(r"([1-9]\d{0,6})\s*/\s*([1-9]\d{0,4})?\s*(s|min|h)")
FORM = "a count and a time, as 100/s, 600/min, 5000/h or 20/10s"


@dataclass(frozen=True, slots=True)
class CallerRate:
    """So many at once, and so many more in each such time."""

    count: int
    seconds: float

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a rate.

        Raises:
            ValueError: it is none.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"it is not {FORM}")
        count, times, unit = int(found[1]), int(found[2] or 1), found[3]
        if count > MOST or times * UNITS[unit] > LONGEST_SECONDS:
            raise ValueError(f"it is more than {MOST:,} or takes longer than {LONGEST_SECONDS / 3_600:g} h")
        return cls(count, times * UNITS[unit])

    def policy(self, name: str) -> str:
        """It as a value of the header RateLimit-Policy; whole seconds alone can be said there."""
        return f'"{name}";q={self.count};w={self.seconds:.0f}'

    def __str__(self) -> str:
        return f"{self.count:,} in {self.seconds:,g} s"


def _checked(text: str) -> str:
    CallerRate.of(text)
    return text


CallerRateText = Annotated[str, AfterValidator(_checked), Field(json_schema_extra={"allowed": FORM})]
