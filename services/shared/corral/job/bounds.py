"""The bounds of a number that has a unit. Whoever takes such a number checks it against these, and says them alike."""

from dataclasses import dataclass

from corral.job.shown import shown


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of a number, from `least` to `most`, both finite, in a unit."""

    least: float
    most: float
    unit: str = ""
    """In the plural: seconds, jobs, bytes."""
    above: bool = False
    """Whether `least` itself is refused."""
    whole: bool = False
    """Whether only whole numbers are taken."""

    def fault(self, value: object) -> str | None:
        """What is wrong with a value, as the rest of a sentence that begins with its name; None within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"is {shown(value)}, which is no number; it must be {self}"
        if self.whole and not isinstance(value, int):
            return f"is {written(value)}, which is no whole number; it must be {self}"
        inside = self.least < value <= self.most if self.above else self.least <= value <= self.most
        return None if inside else f"is {written(value)}; it must be {self}"

    def nearest(self, value: float) -> float:
        """The nearest value within the bounds, for values that were stored before the bounds were set; not where `above`."""
        return value if self.fault(value) is None else min(max(value, self.least), self.most)

    @property
    def span(self) -> str:
        """`0 to 300 seconds`, for headings and tables."""
        start = f"above {written(self.least)}" if self.above else written(self.least)
        return f"{start} to {written(self.most)} {self.unit}".rstrip()

    def __str__(self) -> str:
        start = "above" if self.above else "at least"
        unit = f" {self.unit}" if self.unit else ""
        return f"{start} {written(self.least)} and at most {written(self.most)}{unit}"


def written(number: float) -> str:
    """A number for people: 3,600 rather than 3600.0."""
    if isinstance(number, int):
        # Python writes no whole number of more than 4,300 digits.
        return f"{number:,}" if abs(number) < 10**24 else "a whole number of more than 24 digits"
    if number.is_integer() and abs(number) < 1e15:
        return f"{int(number):,}"
    short = f"{number:g}"
    return f"{number:.6f}".rstrip("0") if "e-0" in short and abs(number) >= 0.000_001 else short
