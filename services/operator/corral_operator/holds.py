"""What holds a change of a pool's number of workers: each thing that is waited for, in words that name the pods."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_NAMED_PODS: Final = 5
"""Pods that are named in one text; more are counted."""
MAX_HOLDS_IN_TEXT: Final = 8
"""Holds that are told in one text."""


class HoldCause(StrEnum):
    """What is waited for; the reason of a condition. The gravest come first: one text has one reason."""

    REDIS_AWAY = "RedisAway"
    """Redis refuses or does not answer, so that no worker can be asked."""
    KUBERNETES_AWAY = "KubernetesAway"
    """The API server does not answer."""
    REFUSED = "Refused"
    """The API server or an admission webhook refuses the change."""
    CONFLICTS = "Conflicts"
    """The Deployment changes each time before the change arrives."""
    TOO_SLOW = "TooSlow"
    """Answers were too old when the change was about to be made: each request takes seconds."""
    ROLLOUT_PAUSED = "RolloutPaused"
    """The Deployment is paused in the middle of a rollout."""
    ROLLOUT = "RolloutInProgress"
    """Pods of an older template are being replaced."""
    CONTROLLER_BEHIND = "ControllerBehind"
    """The Deployment's or the ReplicaSet's controller has not done what it was asked."""
    OTHER_NOT_READY = "OtherPodNotReady"
    """A pod that does not leave is not ready, so that the ReplicaSet might take it."""
    NOT_DRAINED = "DrainNotWritten"
    """The leader of maintenance has not made a worker's drain true."""
    NOT_ANSWERED = "NotAnswered"
    """A drained and empty worker does not answer that it is sealed."""
    STILL_READY = "StillReady"
    """A sealed worker's pod is ready all the same."""
    UNKNOWN_WORKER = "UnknownWorker"
    """A pod that runs is no worker that the leader of maintenance knows."""
    STUCK_TERMINATING = "StuckTerminating"
    """A deleted pod does not end."""
    PODS_MISSING = "PodsMissing"
    """Pods that the Deployment asks for are not made."""
    PODS_NOT_READY = "PodsNotReady"
    """Pods that were made do not become ready."""
    JOBS_RUNNING = "JobsRunning"
    """Workers finish their jobs: nothing is wrong."""


_GRAVITY: Final = {cause: place for place, cause in enumerate(HoldCause)}


@dataclass(frozen=True, slots=True)
class Hold:
    """One thing that a change of the number of workers waits for."""

    cause: HoldCause
    words: str
    """What is the matter with the pods, or with everything where none is named."""
    pods: tuple[str, ...] = ()

    def said(self) -> str:
        """In one line."""
        if not self.pods:
            return self.words
        more = len(self.pods) - MAX_NAMED_PODS
        return (
            f"{', '.join(self.pods[:MAX_NAMED_PODS])}{f' and {more} more' if more > 0 else ''}: {self.words}"
        )


def gathered(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """The same with one entry for each cause and words, the gravest first."""
    pods: dict[tuple[HoldCause, str], list[str]] = {}
    for one in holds:
        pods.setdefault((one.cause, one.words), []).extend(one.pods)
    ordered = sorted(pods.items(), key=lambda item: _GRAVITY[item[0][0]])
    return tuple(Hold(cause, words, tuple(sorted(names))) for (cause, words), names in ordered)


def said(holds: Sequence[Hold]) -> str:
    """All of them in one text; of very many the first."""
    told = [one.said() for one in holds[:MAX_HOLDS_IN_TEXT]]
    more = len(holds) - MAX_HOLDS_IN_TEXT
    return "; ".join([*told, f"and {more} more" if more > 0 else ""]).removesuffix("; ")
