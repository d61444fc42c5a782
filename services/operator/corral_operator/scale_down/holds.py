"""What a change of a pool's number of workers is waiting for, in words that name the pods."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_NAMED_PODS: Final = 5
"""Pods that one text names; more are counted."""
MAX_HOLDS_IN_TEXT: Final = 8
"""Holds in one text; more are counted."""


class HoldCause(StrEnum):
    """What a change is waiting for. It is the reason of a condition; of several, the first in this order counts."""

    REDIS_AWAY = "RedisAway"
    """Redis refuses or does not answer, so that no worker can be asked to leave."""
    KUBERNETES_AWAY = "KubernetesAway"
    """The API server does not answer."""
    REFUSED = "Refused"
    """The API server or an admission webhook refuses the change."""
    CONFLICTS = "Conflicts"
    """The Deployment was changed by something else before each change of the operator arrived."""
    TOO_SLOW = "TooSlow"
    """Requests take so long that the workers' answers are too old when the change is to be sent."""
    ROLLOUT_PAUSED = "RolloutPaused"
    """The Deployment is paused in the middle of a rollout."""
    ROLLOUT = "RolloutInProgress"
    """Pods of an older template are being replaced."""
    CONTROLLER_BEHIND = "ControllerBehind"
    """The Deployment's or the ReplicaSet's controller has not processed the last change."""
    OTHER_NOT_READY = "OtherPodNotReady"
    """A pod that is to stay is not ready, so the ReplicaSet could remove it instead."""
    NOT_DRAINED = "DrainNotWritten"
    """The leader of maintenance has not written a worker's drain."""
    NOT_ANSWERED = "NotAnswered"
    """A drained worker without jobs does not answer that it is sealed."""
    STILL_READY = "StillReady"
    """A sealed worker's pod is still ready."""
    UNKNOWN_WORKER = "UnknownWorker"
    """The leader of maintenance does not know a running pod as a worker."""
    STUCK_TERMINATING = "StuckTerminating"
    """A deleted pod does not end."""
    PODS_MISSING = "PodsMissing"
    """Pods that the Deployment asks for are not created."""
    PODS_NOT_READY = "PodsNotReady"
    """Pods that were created do not become ready."""
    JOBS_RUNNING = "JobsRunning"
    """Workers are finishing their jobs. Nothing is wrong."""


_GRAVITY: Final = {cause: place for place, cause in enumerate(HoldCause)}


@dataclass(frozen=True, slots=True)
class Hold:
    """One thing that a change of the number of workers is waiting for."""

    cause: HoldCause
    words: str
    """What is wrong with the pods; where no pod is named, what is wrong in general."""
    pods: tuple[str, ...] = ()

    def said(self) -> str:
        """The hold in one line, with the names of its pods."""
        if not self.pods:
            return self.words
        more = len(self.pods) - MAX_NAMED_PODS
        return (
            f"{', '.join(self.pods[:MAX_NAMED_PODS])}{f' and {more} more' if more > 0 else ''}: {self.words}"
        )


def gathered(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """The holds with those of the same cause and words joined, ordered as in `HoldCause`."""
    pods: dict[tuple[HoldCause, str], list[str]] = {}
    for one in holds:
        pods.setdefault((one.cause, one.words), []).extend(one.pods)
    ordered = sorted(pods.items(), key=lambda item: _GRAVITY[item[0][0]])
    return tuple(Hold(cause, words, tuple(sorted(names))) for (cause, words), names in ordered)


def said(holds: Sequence[Hold]) -> str:
    """All holds in one text; where there are very many, the first ones."""
    told = [one.said() for one in holds[:MAX_HOLDS_IN_TEXT]]
    more = len(holds) - MAX_HOLDS_IN_TEXT
    return "; ".join([*told, f"and {more} more" if more > 0 else ""]).removesuffix("; ")
