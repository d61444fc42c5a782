"""A worker that was chosen to leave: the nonces it was asked with, and those it answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from corral.dispatch.drain_requests import SEAL_SECONDS

SEAL_MARGIN_SECONDS: Final = 10.0
"""Seconds between the last moment at which a change is sent and the end of the seals that it depends on: five in
which the API server makes it or gives up, and five for the ReplicaSet's controller to delete the pods."""
ANSWER_VALID_SECONDS: Final = SEAL_SECONDS - SEAL_MARGIN_SECONDS
"""Seconds after a request for which its answer is valid. A worker seals itself after it was asked."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A worker that was chosen to leave, with its requests and answers. All times are monotonic seconds."""

    since: float
    """When it was chosen."""
    nonce: str
    """The nonce of the current request."""
    asked: float
    """When the current request was made."""
    earlier: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Earlier nonces and when each was made. An answer to one of them may still arrive."""
    sealed_at: float | None = None
    """When the latest answered nonce was made: the worker is sealed for at least 30 seconds from then."""
    life: str | None = None
    """`Pod.life` when it was asked; None before the pod was read. Answers of an earlier process are void."""

    def sealed(self, now: float, valid: float = ANSWER_VALID_SECONDS) -> bool:
        """Whether it is sealed for long enough to be removed. `valid`: seconds for which an answer counts."""
        return self.sealed_at is not None and now - self.sealed_at <= valid

    def heard(self, answer: str | None) -> "Victim":
        """The victim with its last answer. A nonce that it was not asked with is ignored."""
        at = self.asked if answer == self.nonce else self.earlier.get(answer or "")
        if at is None or (self.sealed_at is not None and at <= self.sealed_at):
            return self
        return replace(self, sealed_at=at)

    def asked_anew(self, nonce: str, now: float, valid: float = ANSWER_VALID_SECONDS) -> "Victim":
        """The victim with a new request. Its earlier answers still count, for `valid` seconds."""
        made = (*self.earlier.items(), (self.nonce, self.asked))
        earlier = {one: at for one, at in made if now - at <= valid}
        return replace(self, nonce=nonce, asked=now, earlier=earlier)
