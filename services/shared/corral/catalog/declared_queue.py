"""A queue as a team declares it: options for every job in it where the job type says nothing.

email = Queue("email", retries=3, backoff=Exponential(2), keep_finished=100, limits=[smtp])

@job("mail.send", queue=email)
"""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack, cast

from corral.catalog.keywords import OptionKeywords, SharedKeywords, limits_of, options_of
from corral.catalog.limits.check import no_rate_of_calls
from corral.catalog.limits.limit import AnyLimit
from corral.catalog.options_json import options_to_json
from corral.catalog.same_name import one_of_each_name
from corral.errors import DeclarationError
from corral.job.limits import MAX_NAME, QUEUE_PATTERN
from corral.job.options import Retention


class QueueKeywords(SharedKeywords, total=False):
    """What a queue may say. Times are seconds or a timedelta."""

    keep_finished: Retention | int
    """The newest so many jobs that completed or were cancelled, of each type; or a `Retention`."""
    keep_failed: Retention | int
    limits: Sequence[AnyLimit]
    """Every job of the queue takes from them, beside the limits of its type."""


KNOWN: Final = tuple(QueueKeywords.__annotations__)


class Queue:
    """A declared queue. Its options count where job types say nothing; operators set others over them."""

    def __init__(self, name: str, **options: Unpack[QueueKeywords]) -> None:
        """Raises: DeclarationError: the name or an option is wrong; names it."""
        if not re.fullmatch(QUEUE_PATTERN, name) or len(name) > MAX_NAME:
            raise DeclarationError(
                f"queue {name!r:.120}: its name has up to {MAX_NAME} lower-case letters, digits, - and _"
            )
        self.name = name
        self.module = str(sys._getframe(1).f_globals.get("__name__", "?"))  # noqa: SLF001  # as limits do
        for option in options:
            if option not in KNOWN:
                raise DeclarationError(
                    f"queue {name}: there is no option {option!r}; known are {', '.join(KNOWN)}"
                )
        where = f"queue {name}"
        given: dict[str, Any] = {**options}
        self.limits: tuple[AnyLimit, ...] = limits_of(where, given.pop("limits", ()))
        one_of_each_name("limit", self.limits, where)
        no_rate_of_calls(self.limits, where)
        for option in ("keep_finished", "keep_failed"):
            if isinstance(given.get(option), int) and not isinstance(given[option], bool):
                given[option] = Retention(count=given[option])
        made = options_to_json(options_of(where, cast("OptionKeywords", given)))
        self.options: Mapping[str, Any] = {option: made[option] for option in given}
        """What it says, as JSON."""

    @property
    def values(self) -> dict[str, Any]:
        """All that it says, as JSON."""
        limits = {"limits": [one.name for one in self.limits]} if self.limits else {}
        return {**self.options, **limits}

    def __repr__(self) -> str:
        return f"<queue {self.name} of {self.module}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Queue) and (self.name, self.values) == (other.name, other.values)

    def __hash__(self) -> int:
        return hash(self.name)
