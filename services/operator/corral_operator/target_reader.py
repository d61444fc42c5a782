"""How a pool's target is read: not more than is needed, and not more often than Kubernetes answers."""

from dataclasses import dataclass, replace
from typing import Final

import structlog

from corral_operator.api import Absent, ApiError, ApiForbidden
from corral_operator.cluster import Cluster
from corral_operator.status import Held, Trouble
from corral_operator.target import Deployment, Owned

log = structlog.get_logger(__name__)

LONGEST_PAUSE: Final = 8.0
"""Seconds between two tries while Kubernetes does not answer."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """The Deployment of a pool and its pods, at one moment."""

    deployment: Deployment
    owned: Owned | None
    """None: not asked, because all pods are ready, nobody leaves and nothing ends."""
    stale: bool = False
    """Kubernetes does not answer: this is what it said last. Nothing is taken away by it."""


class TargetReader:
    """Reads the Deployment of one pool, and its pods when they matter."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self.name = cluster, name
        self._last: TargetView | None = None
        self._again = float("-inf")
        self._pause = 0.5

    async def look(self, now: float, *, closely: bool) -> TargetView | Held:
        """The target, or why it can't be seen.

        Args:
            now: monotonic seconds.
            closely: also at pods of a target that has all of them.
        """
        if now < self._again and self._last is not None:
            return replace(self._last, stale=True)
        try:
            deployment = await self._cluster.deployment(self.name)
            gaps = deployment.ready < deployment.replicas or not deployment.observed
            ending = self._last is not None and self._last.owned is not None and self._last.owned.ending
            gaps = gaps or bool(deployment.terminating or ending)
            sight = TargetView(deployment, await self._cluster.owned(deployment) if closely or gaps else None)
        except Absent:
            self._last = None
            return Held(Trouble.TARGET_MISSING, f"there is no Deployment {self.name}")
        except ApiForbidden as error:
            self._last = None
            return Held(Trouble.FORBIDDEN, forbidden(self.name, error))
        except ApiError as error:
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
            self._again = now + self._pause
            log.warning("target.not_read", deployment=self.name, again_in=self._pause, error=str(error))
            if self._last is None:
                return Held("Away", "Kubernetes does not answer")
            return replace(self._last, stale=True)
        self._pause, self._last = 0.5, sight
        return sight

    async def closely(self, sight: TargetView) -> TargetView:
        """The same with the pods of just now.

        Raises:
            ApiError: one of its kinds.
        """
        self._last = replace(sight, owned=await self._cluster.owned(sight.deployment))
        return self._last


def forbidden(name: str, error: ApiError) -> str:
    """What a person has to do, after what Kubernetes said."""
    return (
        f"add {name} to the operator's Role: resourceNames of deployments (get) "
        f"and of deployments/scale (patch). Kubernetes said: {error}"
    )
