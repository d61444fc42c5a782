"""A worker on its way out: what it was asked, and what it answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from corral.dispatch.drain_requests import SEAL_SECONDS

SEAL_MARGIN_SECONDS: Final = 10.0
"""Seconds between the last moment in which a change is sent and the end of the seals that it rests on: five in
which the API server makes it or gives up, and five for the ReplicaSet's controller to take the pods."""
ANSWER_VALID_SECONDS: Final = SEAL_SECONDS - SEAL_MARGIN_SECONDS
"""Seconds after the question for which an answer is believed. A worker seals itself after it was asked."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A worker that was chosen to leave: what it was asked, and what it answered."""

    since: float
    """Monotonic seconds: when it was chosen."""
    nonce: str
    """What it is asked to seal itself with."""
    asked: float
    """When that nonce was made."""
    earlier: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Earlier nonces and when each was made: an answer to one of them may still be on its way."""
    sealed_at: float | None = None
    """When the latest nonce that it answered was made: it is sealed for 30 seconds from then, or for longer."""
    life: str | None = None
    """Of its pod when it was asked; None where nobody looked yet. Another process answers for itself."""

    def sealed(self, now: float) -> bool:
        """Whether it is known to be sealed, for long enough to be taken away."""
        return self.sealed_at is not None and now - self.sealed_at <= ANSWER_VALID_SECONDS

    def heard(self, answer: str | None) -> "Victim":
        """With what it answered last. A nonce that it was not asked with says nothing."""
        at = self.asked if answer == self.nonce else self.earlier.get(answer or "")
        if at is None or (self.sealed_at is not None and at <= self.sealed_at):
            return self
        return replace(self, sealed_at=at)

    def asked_anew(self, nonce: str, now: float) -> "Victim":
        """With another question; what it answered until now still counts."""
        earlier = {
            one: at
            for one, at in (*self.earlier.items(), (self.nonce, self.asked))
            if now - at <= ANSWER_VALID_SECONDS
        }
        return replace(self, nonce=nonce, asked=now, earlier=earlier)
