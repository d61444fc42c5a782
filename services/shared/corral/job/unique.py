"""What makes a job unique: its key, how long the key is held, and what becomes of a duplicate (protocol rule 33)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import inf
from typing import Final, cast

from corral.errors import DeclarationError
from corral.job.bounds import Bounds
from corral.job.limits import DELAY, MAX_KEPT_DAYS
from corral.job.shown import shown

MAX_KEY: Final = 400
"""Characters of a key, without its type. A longer one that is made of a payload ends in a digest."""
SEPARATOR: Final = ":"
"""Between the type and the key in `unique_keys.key`. No name of a type holds it; a key may."""


class OnDuplicate(StrEnum):
    """What becomes of a submission whose key is held."""

    EXISTING = "existing"
    """It answers the job that holds the key."""
    REFUSE = "refuse"
    """It is refused."""
    REPLACE = "replace"
    """The job that holds the key takes the new payload while it waits; when it runs or has ended, a new job is made."""
    KEEP_LATEST = "keep-latest"
    """One runs, and the newest waits until it has ended."""


class Deduplication(StrEnum):
    """What became of a duplicate."""

    EXISTING = "existing"
    REPLACED = "replaced"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """The key of one job, and the rule for those that come after it."""

    type: str
    key: str
    """`source#guid`, or whatever the submission gave."""
    on_duplicate: OnDuplicate = OnDuplicate.EXISTING
    within: float | None = None
    """Seconds from the submission on for which the key is held; None: while the job is live; infinite: for ever."""
    quiet: float = 0.0
    """Seconds that a replaced job waits again."""
    max_wait: float | None = None
    """Seconds after which a job that is replaced again and again is due at the latest."""
    rule: str = ""
    """The rule in words."""

    @property
    def name(self) -> str:
        """As `unique_keys.key` and `jobs.unique_key` spell it: each type has keys of its own."""
        return f"{self.type}{SEPARATOR}{self.key}"


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """Why a submission made no new job."""

    what: Deduplication
    type: str
    """The type of the job that was asked for."""
    key: str
    """Without that type."""
    rule: str
    removed: bool = False
    """Retention has removed the job that holds the key: only its id and its state are known."""


def fault(key: str) -> str | None:
    """What is wrong with a key that a submission gives, as the rest of a sentence; None where it is one."""
    if 0 < len(key) <= MAX_KEY and key.isprintable():
        return None
    return f"is not 1 to {MAX_KEY} printable characters"


PAYLOAD: Final = "payload"
"""Stands for the whole payload where fields of it may be named."""
LIVE: Final = "live"
EVER: Final = "ever"
WITHIN: Final = Bounds(0, MAX_KEPT_DAYS * 24 * 3600.0, "seconds", above=True)
MAX_FIELDS: Final = 10


@dataclass(frozen=True, slots=True)
class Unique:
    """What makes jobs of a type the same, and what becomes of a duplicate.

    Args:
        by: `payload`, or the payload's fields that are the key, by their paths (`customer.id`).
        within: `live`: while the job has not ended; seconds from its submission on; or `ever`.
        on_duplicate: `existing` answers the job that holds the key; `refuse` refuses; `replace`: the job that waits
            takes the new payload and waits `quiet` seconds again, at most `max_wait` in all; `keep-latest`: one runs,
            and the newest waits.
        quiet: seconds that a job waits before it runs, and again each time it is replaced. For `replace` alone.
        max_wait: seconds after which it runs however often it is replaced. `replace` needs it.

    Raises:
        DeclarationError: names the option, the value and what would be right.
    """

    by: str | tuple[str, ...] | list[str] = PAYLOAD
    within: float | str | timedelta = LIVE
    on_duplicate: OnDuplicate | str = OnDuplicate.EXISTING
    quiet: float | timedelta = 0.0
    max_wait: float | timedelta | None = None

    def __post_init__(self) -> None:
        def settle(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        settle("by", _by(self.by))
        settle("within", _within(self.within))
        try:
            settle("on_duplicate", OnDuplicate(self.on_duplicate))
        except ValueError:
            raise DeclarationError(
                f"unique: on_duplicate is {shown(self.on_duplicate)}; it must be one of {', '.join(OnDuplicate)}"
            ) from None
        settle("quiet", _seconds("quiet", self.quiet, DELAY))
        if self.max_wait is not None:
            settle("max_wait", _seconds("max_wait", self.max_wait, DELAY))
        self._check()

    def _check(self) -> None:
        replaces = self.on_duplicate is OnDuplicate.REPLACE
        if replaces and self.max_wait is None:
            raise DeclarationError(
                "unique: replace needs max_wait, the seconds after which a job runs however often it is replaced"
            )
        if not replaces and (self.quiet or self.max_wait is not None):
            raise DeclarationError(
                f"unique: quiet and max_wait are for replace; on_duplicate is {self.on_duplicate}"
            )
        if replaces and cast("float", self.quiet) > cast("float", self.max_wait):
            raise DeclarationError(
                f"unique: quiet is {self.quiet:g}, which is more than max_wait, {self.max_wait:g}"
            )
        if self.within != LIVE and self.on_duplicate in (OnDuplicate.REPLACE, OnDuplicate.KEEP_LATEST):
            raise DeclarationError(
                f"unique: {self.on_duplicate} is about jobs that wait or run, so within must be live, not {self.within}"
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """The payload's fields that are the key; empty where it is the whole payload."""
        return () if self.by == PAYLOAD else tuple(self.by)

    @property
    def held_for(self) -> float | None:
        """Seconds for which a key is held; None: while the job is live; infinite: for ever."""
        return {LIVE: None, EVER: inf}.get(str(self.within), cast("float", self.within))

    def rule(self, by: str | None = None) -> str:
        """The rule in words: `existing, by source and guid, while live`; `by` in place of its own."""
        fields = "the payload" if self.by == PAYLOAD else " and ".join(self.by)
        within = {LIVE: "while live", EVER: "for ever"}.get(str(self.within)) or f"within {self.within:g} s"
        waits = f", quiet {self.quiet:g} s, at most {self.max_wait:g} s" if self.max_wait is not None else ""
        return f"{self.on_duplicate}, by {by or fields}, {within}{waits}"

    def key(self, job_type: str, key: str, *, own: bool = False) -> UniqueKey:
        """A job's key under this rule; `own`: the submission gave it."""
        return UniqueKey(
            job_type,
            key,
            OnDuplicate(self.on_duplicate),
            self.held_for,
            cast("float", self.quiet),
            cast("float | None", self.max_wait),
            self.rule("a key of its own" if own else None),
        )


def _by(value: object) -> str | tuple[str, ...]:
    if value == PAYLOAD:
        return PAYLOAD
    paths = (value,) if isinstance(value, str) else value
    if not isinstance(paths, list | tuple) or not all(isinstance(one, str) and one for one in paths):
        raise DeclarationError(
            f"unique: by is {shown(value)}; it must be payload, or a list of fields of the payload"
        )
    if not 0 < len(paths) <= MAX_FIELDS or len(set(paths)) < len(paths):
        raise DeclarationError(
            f"unique: by names {len(paths)} fields; it must name 1 to {MAX_FIELDS}, each once"
        )
    return tuple(paths)


def _within(value: object) -> float | str:
    if value in (LIVE, EVER):
        return str(value)
    if isinstance(value, str):
        raise DeclarationError(
            f"unique: within is {shown(value)}; it must be live, ever or a number of seconds"
        )
    return _seconds("within", value, WITHIN)


def _seconds(name: str, value: object, bounds: Bounds) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if (wrong := bounds.fault(value)) is not None:
        raise DeclarationError(f"unique: {name} {wrong}")
    return float(cast("float", value))
