"""A pool's status in Kubernetes: what is written, and when it is worth writing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

FIGURES_SECONDS: Final = 10.0
"""Seconds between two writes of figures alone; a new number of workers or a new condition is written at once."""
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
    """Conditions that the operator finds, beside those of the law."""

    TARGET_MISSING = "TargetMissing"
    """There is no such Deployment: a reason of Ready, not a condition of its own."""
    TARGET_TAKEN = "TargetTaken"
    """Somebody else scales the same Deployment."""
    FORBIDDEN = "Forbidden"
    """The Role does not let the operator scale it."""
    SCALE_DOWN_HELD = "ScaleDownHeld"
    """Workers are to leave, and none has for a minute; the reason says why."""
    SCALE_UP_HELD = "ScaleUpHeld"
    """Workers are missing, and none has come for a minute; the reason says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """A condition that holds, with its reason."""

    type: str
    message: str
    reason: str = ""
    """In one word, where the type alone does not say it."""
    warning: bool = True
    """Whether something is wrong."""

    @property
    def why(self) -> str:
        """The reason as the condition has it."""
        return self.reason or self.type


def conditions(
    held: Sequence[Held], not_ready: Held | None, before: Sequence[Mapping[str, Any]], at: str
) -> list[dict[str, str]]:
    """Ready, each that holds, and each that held once; the time tells when each turned last.

    Args:
        held: those that hold now.
        not_ready: why the pool's specification is not in force; its type becomes the reason.
        before: the conditions that the status has.
        at: the time now, as Kubernetes writes it.
    """
    known = {str(one["type"]): one for one in before}
    now: dict[str, tuple[str, str, str]] = {
        READY: ("True", "Accepted", "the pool is scaled")
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
    """What the status says, and since when: whether a new one is worth a write."""

    status: Mapping[str, Any]
    at: float = float("-inf")
    """Monotonic seconds of the last write by this operator."""
    waits: tuple[str, ...] = ()
    """What was waited for then, each by its cause."""

    def outdated_by(self, status: Mapping[str, Any], now: float, waits: tuple[str, ...] = ()) -> bool:
        """Whether to write `status` at `now`; what a pool waits for is told at once."""
        if waits != self.waits or _essence(status) != _essence(self.status):
            return True
        return now - self.at >= FIGURES_SECONDS and any(
            status.get(name) != self.status.get(name) for name in _FIGURES
        )


def _essence(status: Mapping[str, Any]) -> dict[str, Any]:
    """Without the figures, and of conditions without their texts, which hold figures too."""
    kept = {name: value for name, value in status.items() if name not in _FIGURES}
    turned = sorted((one["type"], one["status"], one.get("reason")) for one in status.get("conditions", ()))
    return kept | {"conditions": turned}
