"""Keeps a fault that lasts from filling the log: it is told when it begins or changes, and then now and then."""

from typing import Final

REPEAT_SECONDS: Final = 300.0
"""Seconds after which the same text is due again."""


class LogRepeats:
    """One thing that may go wrong again and again. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._at = float("-inf")

    def due(self, text: str, now: float) -> bool:
        """Whether `text` is to be logged at `now`: it is another than the last, or that was long ago."""
        if text == self._text and now - self._at < REPEAT_SECONDS:
            return False
        self._text, self._at = text, now
        return True

    def over(self) -> None:
        """Note that it works again: the same text is due at once when it comes back."""
        self._text = None
