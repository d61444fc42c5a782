"""Reads a pool's Deployment, and its pods when they matter; less often while Kubernetes does not answer."""

from dataclasses import dataclass, replace
from typing import Final

import structlog

from corral.waiting import doubling
from corral_operator.cluster.api import Absent, ApiError, ApiForbidden
from corral_operator.cluster.cluster import Cluster
from corral_operator.cluster.target import Deployment, Owned
from corral_operator.reports.status import Held, Trouble

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = (1.0, 8.0)
"""First and longest wait between two tries while Kubernetes does not answer."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """The Deployment of a pool and its pods at one moment."""

    deployment: Deployment
    owned: Owned | None
    """None where the pods were not read, because all are ready and none is leaving or ending."""
    stale: bool = False
    """Whether this was read earlier, because Kubernetes does not answer now. No worker is removed then."""


class TargetReader:
    """Reads the Deployment of one pool, and its pods where they are needed."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self.name = cluster, name
        self._last: TargetView | None = None
        self._again = float("-inf")
        self._waits = doubling(*RETRY_SECONDS)

    async def look(self, now: float, *, closely: bool) -> TargetView | Held:
        """The Deployment and its pods, or why they can't be read.

        Args:
            now: monotonic seconds.
            closely: read the pods even where all are ready.
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
            wait = next(self._waits)
            self._again = now + wait
            log.warning("target.not_read", deployment=self.name, again_in=wait, error=str(error))
            if self._last is None:
                return Held("Away", "Kubernetes does not answer")
            return replace(self._last, stale=True)
        self._waits, self._last = doubling(*RETRY_SECONDS), sight
        return sight

    async def closely(self, sight: TargetView) -> TargetView:
        """The same Deployment, with its pods read now.

        Raises:
            ApiError: one of its kinds.
        """
        self._last = replace(sight, owned=await self._cluster.owned(sight.deployment))
        return self._last


def forbidden(name: str, error: ApiError) -> str:
    """The message for a person whose Role does not allow scaling the Deployment."""
    return (
        f"add {name} to the operator's Role: resourceNames of deployments (get) "
        f"and of deployments/scale (patch). Kubernetes said: {error}"
    )
