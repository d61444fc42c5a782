"""A pool's status in Kubernetes: its conditions, and when a changed status is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

FIGURES_SECONDS: Final = 10.0
"""Seconds between two writes where only figures changed. A new number of workers or a new condition is written at once."""
READY: Final = "Ready"
_FIGURES: Final = (
    "ready",
    "backlogJobs",
    "backlogSeconds",
    "oldestJobSeconds",
    "throughput",
    "reason",
    "conditions",
)


class Trouble(StrEnum):
    """Conditions that the operator adds to those of the law."""

    TARGET_MISSING = "TargetMissing"
    """The Deployment does not exist. It is a reason of Ready, not a condition of its own."""
    TARGET_TAKEN = "TargetTaken"
    """Something else scales the same Deployment."""
    FORBIDDEN = "Forbidden"
    """The operator's Role does not allow scaling the Deployment."""
    SCALE_DOWN_HELD = "ScaleDownHeld"
    """Workers are to leave, but none has left for a minute. The reason says why."""
    SCALE_UP_HELD = "ScaleUpHeld"
    """Workers are missing, but none has started for a minute. The reason says why."""


class NoticeReason(StrEnum):
    """Reasons of Events that are no conditions of their own."""

    NO_LEADER = "NoLeader"
    """No operator may take the Lease, so that nothing is scaled. It is a reason of Ready, too."""
    NOT_SELECTED = "NotSelected"
    """No operator's selector selects the pool: it is nobody's."""
    TURN_ENDED = "TurnEnded"
    """A turn of the pool hung and was ended. The next turn may do well."""


@dataclass(frozen=True, slots=True)
class Held:
    """A condition that is true, with its reason."""

    type: str
    message: str
    reason: str = ""
    """One word, as Kubernetes wants it; empty where the type says it."""
    warning: bool = True
    """Whether something is wrong."""

    @property
    def why(self) -> str:
        """The condition's reason."""
        return self.reason or self.type


def conditions(
    held: Sequence[Held], not_ready: Held | None, before: Sequence[Mapping[str, Any]], at: str
) -> list[dict[str, str]]:
    """The list of conditions for the status: Ready, each that is true now, and each that was true before.

    Args:
        held: the conditions that are true now.
        not_ready: why the pool is not scaled as specified; its type becomes the reason of Ready.
        before: the conditions in the current status.
        at: the time now, in Kubernetes' form.
    """
    known = {str(one["type"]): one for one in before}
    now: dict[str, tuple[str, str, str]] = {
        READY: ("True", "Accepted", "the operator scales the pool")
        if not_ready is None
        else ("False", not_ready.type, not_ready.message)
    }
    now |= {one.type: ("True", one.why, one.message) for one in held}
    over = {name: ("False", "Over", "") for name in known if name not in now}
    return [
        {
            "type": name,
            "status": status,
            "reason": reason,
            "message": message[:1024],
            "lastTransitionTime": str(known[name]["lastTransitionTime"])
            if known.get(name, {}).get("status") == status
            else at,
        }
        for name, (status, reason, message) in sorted((now | over).items())
    ]


@dataclass(slots=True)
class Written:
    """The status that was written last, to decide whether a new one must be written."""

    status: Mapping[str, Any]
    at: float = float("-inf")
    """Monotonic seconds of the last write by this operator."""
    waits: tuple[str, ...] = ()
    """The causes of what the pool was waiting for."""

    def outdated_by(self, status: Mapping[str, Any], now: float, waits: tuple[str, ...] = ()) -> bool:
        """Whether to write `status` at `now`. New causes that the pool is waiting for are written at once."""
        if waits != self.waits or _essence(status) != _essence(self.status):
            return True
        return now - self.at >= FIGURES_SECONDS and any(
            status.get(name) != self.status.get(name) for name in _FIGURES
        )


def _essence(status: Mapping[str, Any]) -> dict[str, Any]:
    """The status without its figures, and without the conditions' messages, which contain figures."""
    kept = {name: value for name, value in status.items() if name not in _FIGURES}
    turned = sorted((one["type"], one["status"], one.get("reason")) for one in status.get("conditions", ()))
    return kept | {"conditions": turned}
