"""Corral's errors: typed facts. Each edge maps them once: to HTTP, to exit codes, to outcomes.

A message says what was wrong, with the value, and what to do.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from corral.json_pointer import visible


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with an input: where, as a JSON pointer, and why."""

    pointer: str
    """Source: RFC 6901; `` is the whole document, `/payload/to` a field of the payload."""
    message: str

    def __str__(self) -> str:
        return f"{visible(self.pointer)}: {self.message}" if self.pointer else self.message


class CorralError(Exception):
    """The root of everything that Corral raises on purpose."""


class InvalidInput(CorralError):
    """The caller's input is wrong; nothing was stored."""

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__("; ".join(map(str, errors)))


class UnknownType(InvalidInput):
    """No job type of that name is registered."""


class UnknownQueue(InvalidInput):
    """No queue of that name exists."""


class TooLarge(CorralError):
    """A body or payload is over its limit."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        self.what, self.size, self.limit = what, size, limit
        super().__init__(f"{what} has {size:,} bytes; the limit is {limit:,}")


class NotFound(CorralError):
    """There is nothing of that name."""

    def __init__(self, kind: str, name: object) -> None:
        self.kind, self.name = kind, name
        super().__init__(f"there is no {kind} {name}")


class Conflict(CorralError):
    """The thing is not in a state in which this can be done."""


class Forbidden(CorralError):
    """The caller is known and may not do this."""


class Unauthenticated(CorralError):
    """The caller did not say who it is, or the key is not valid."""


class OutcomeUnknown(CorralError):
    """The connection was lost while committing and the outcome could not be read: ask again by id."""

    def __init__(self, ids: tuple[UUID, ...]) -> None:
        self.ids = ids
        super().__init__(
            "the database went away while storing; ask for the job by its id before trying again"
        )


class Unavailable(CorralError):
    """Something is away, or does not do its part; `dependency` names it: `postgres`, `redis` or `artifacts` (their place)."""

    def __init__(self, dependency: str, reason: str) -> None:
        self.dependency, self.reason = dependency, reason
        super().__init__(f"{dependency} is not available: {reason}")


class Refused(Unavailable):
    """A dependency answered, and refused this one thing: a lock or the time ran out. Others may succeed."""


class Unreadable(CorralError):
    """Postgres did what was asked, and its answer can't be read: whatever the statement stored is stored."""


class LeaseLost(CorralError):
    """Another process leads now: what was about to be written in this term's name was not."""

    def __init__(self, name: str, term: int) -> None:
        self.name, self.term = name, term
        super().__init__(f"term {term} of the lease {name} is over: another process holds it")


class RefusalReason(StrEnum):
    """Why Corral does not send a request to an address that somebody gave."""

    MALFORMED = "malformed"
    """It is no address of the web."""
    SCHEME = "scheme"
    """It is neither http nor https."""
    USERINFO = "userinfo"
    """It holds a user or a password."""
    SPELLING = "spelling"
    """Its host is written so that others may read another one."""
    ADDRESS = "address"
    """It leads to an address that is not of the public internet, and that no setting allows."""
    DOWNGRADE = "downgrade"
    """A redirect leads from https to http."""
    HEADER = "header"
    """A header is one that Corral sets, or can't be sent."""


class FailureReason(StrEnum):
    """Why a request got no answer, or not a whole one."""

    NAME = "name"
    """The host's name has no address."""
    CONNECT = "connect"
    """No connection was made."""
    TLS = "tls"
    """The other side could not prove who it is, or speaks no TLS that we speak."""
    PROXY = "proxy"
    """The proxy did not let us through."""
    TIMEOUT = "timeout"
    """A time ran out."""
    BROKEN = "broken"
    """The connection broke, or what came was no HTTP."""
    REDIRECTS = "redirects"
    """There were more redirects than are followed, or one that leads nowhere."""
    TOO_LARGE = "too-large"
    """The body is larger than is taken."""
    ENCODING = "encoding"
    """The body can't be decompressed."""


class OutgoingRefused(CorralError):
    """A request to an address that somebody gave is not sent, or not sent on; another try would be refused, too."""

    def __init__(self, reason: RefusalReason, url: str, why: str) -> None:
        self.reason, self.url, self.why = reason, url, why
        super().__init__(f"nothing is sent to {url or 'this address'}: {why}")


class OutgoingFailed(CorralError):
    """A request to an address that somebody gave has no answer, or not a whole one; another try may have."""

    def __init__(self, reason: FailureReason, url: str, why: str) -> None:
        self.reason, self.url, self.why = reason, url, why
        super().__init__(f"{url} gave no answer: {why}")


class SecretMissing(CorralError):
    """A secret that a provider needs is not there; the message names its place, never the secret."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} {why}")


class SchemaMismatch(CorralError):
    """The database's schema and this release do not fit; the message names the command that helps."""

    def __init__(self, message: str, *, wait: bool) -> None:
        self.wait = wait
        """Whether waiting helps: the schema is older and a migration may be on its way."""
        super().__init__(message)


def waiting_helps(error: CorralError) -> bool:
    """Whether a database that can't be used may be usable later: it comes back, or a migration is on its way."""
    return not isinstance(error, SchemaMismatch) or error.wait


class SettingsError(CorralError):
    """A setting is unknown or has a bad value; the message names it, the value and the allowed range."""


class DeclarationError(CorralError):
    """A job type is declared or handled wrongly; raised at import."""


Span = float | timedelta
"""A length of time: seconds, or a timedelta."""


class Retry(CorralError):
    """Raised by a handler: try again after `after` seconds (None: the type's backoff); uses up a retry."""

    def __init__(
        self, message: str = "the handler asked to be tried again", *, after: Span | None = None
    ) -> None:
        """Raises ValueError where it is no length of time: it would be tried again at once."""
        self.after = None if after is None else _length("Retry", after)
        super().__init__(message)


class Snooze(CorralError):
    """Raised by a handler: run this job again after `after` seconds; uses no retry.

    A job with an expiry may snooze until then, and is cancelled where it would wait beyond it. Others may snooze 100
    times in a life; then they fail.
    """

    def __init__(self, message: str = "the handler asked to be run again later", *, after: Span) -> None:
        """Raises ValueError where `after` is no length of time."""
        self.after = _length("Snooze", after)
        super().__init__(message)


class BudgetExhausted(Snooze):
    """Raised by `ctx.budget` where nothing came in time. Not caught, it snoozes the job until there may be something."""

    def __init__(self, message: str, *, after: float, name: str = "") -> None:
        """`after` is how many seconds it takes until there may be enough."""
        self.name = name
        super().__init__(message, after=after)


class LimitTimeout(Snooze):
    """Raised by `ctx.limit` where the limit had no free slot in time. Not caught, it snoozes the job for a minute."""

    def __init__(self, message: str = "the limit had no free slot in time", *, after: float = 60.0) -> None:
        super().__init__(message, after=after)


class NoFreeSlot(Conflict):
    """A program asked for a slot of a limit, and all are held."""


class LimitLost(CorralError):
    """A slot that `ctx.limit` or a program held could not be renewed in time: others may hold it, so the body was cancelled."""


class RateLimited(CorralError):
    """Raised by a handler: the provider asked for a wait of `after` seconds, as with a status 429; uses no retry.

    What the job takes of the limit is parked for every worker: of the key, where the limit counts by keys. The job keeps
    its place. When the time is over one job goes first, and only its success lets the others start.
    """

    def __init__(
        self, message: str = "the provider asked for a wait", *, after: Span, limit: str | None = None
    ) -> None:
        """`limit` may be left out where the job takes of one alone. Raises ValueError where `after` is no length of time."""
        self.after, self.limit = _length("RateLimited", after), limit
        super().__init__(message)


def _length(what: str, after: Any) -> float:
    if isinstance(after, timedelta):
        return after.total_seconds()
    if not isinstance(after, int | float) or not abs(after) < 1e300:  # NaN is not, either
        raise ValueError(f"{what}: after is {after!r}; it must be a number of seconds, below 1e300")
    return after


class Discard(CorralError):
    """Raised by a handler: fail at once, whatever budget is left."""


class ProviderBusy(RateLimited):
    """A provider said that it has too much to do, or what it allows is used up: nobody calls it for `after` seconds.

    Left to the worker it uses no retry, and parks the provider's slots.
    """

    def __init__(self, provider: str, why: str, after: float) -> None:
        self.provider = provider
        super().__init__(
            f"provider {provider}: {why}; it is called again in {after:,.0f} s",
            after=after,
            limit="provider-slots",
        )


class NotDone(Retry):
    """Raised by what `ctx.once` calls: the effect certainly did not happen, so it may be done again; uses up a retry."""


class PerhapsDone(Discard):
    """Raised by `ctx.once`: an earlier attempt began the effect, and nobody knows whether it happened."""


class JobCancelled(CorralError):
    """Raised inside a handler when a cancel was requested, at the next use of its context."""
