"""How containers of workers ended, passed on to the leader: the error of the jobs that they held then says so."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import structlog

from corral.dispatch.exits import Exits
from corral.errors import Unavailable

log = structlog.get_logger(__name__)

SAID_GOODBYE: Final = frozenset({0, 2, 75})
"""Exit codes of workers that gave their jobs back. Source: docs/reference/worker.md."""
MOST_KNOWN: Final = 1_000
"""Ends that are remembered as told; the oldest is forgotten for a new one."""


class ContainerExit(NamedTuple):
    """How one container ended."""

    pod: str
    """Its worker's name."""
    container: str
    """Another one after each start."""
    how: str

    @classmethod
    def all_of(cls, pods: Iterable[Mapping[str, Any]]) -> tuple["ContainerExit", ...]:
        """From Kubernetes' own documents: each container's last end, where it did not say goodbye."""
        return tuple(
            cls(str(pod["metadata"]["name"]), str(ended.get("containerID", "")), _words(ended))
            for pod in pods
            for one in pod.get("status", {}).get("containerStatuses", ())
            if (ended := _ended(one)) and ended.get("exitCode") not in SAID_GOODBYE
        )


class ContainerExits:
    """Passes the end of each container on to the leader, once."""

    def __init__(self, exits: Exits) -> None:
        self._exits = exits
        self._known: dict[ContainerExit, None] | None = None

    async def tell(self, found: Iterable[ContainerExit]) -> None:
        """Tell of those that are new; what ended before the first look is nobody's news."""
        if self._known is None:
            self._known = dict.fromkeys(found)
            return
        for one in found:
            if one in self._known:
                continue
            try:
                await self._exits.tell(one.pod, one.how)
            except Unavailable as error:
                log.info("exit.untold", pod=one.pod, error=str(error))
                return
            log.warning("worker.exited", pod=one.pod, how=one.how)
            self._known[one] = None
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The end of its present life, else of the one before."""
    for state in ("state", "lastState"):
        ended: Mapping[str, Any] | None = container.get(state, {}).get("terminated")
        if ended:
            return ended
    return None


def _words(ended: Mapping[str, Any]) -> str:
    code, reason = ended.get("exitCode"), ended.get("reason")
    said = f" ({reason})" if reason and reason != "Error" else ""
    return f"its container ended with exit code {code}{said}"
