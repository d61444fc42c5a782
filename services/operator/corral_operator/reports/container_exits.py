"""Reports how containers of workers ended to the leader, which adds it to the errors of the jobs that they ran."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import structlog

from corral.dispatch.exits import GAVE_BACK, Exits
from corral.errors import Unavailable

log = structlog.get_logger(__name__)

MAX_REMEMBERED: Final = 1_000
"""Reported exits that are remembered; the oldest is forgotten for a new one."""


class ContainerExit(NamedTuple):
    """How one container ended."""

    pod: str
    """The pod's name, which is the worker's."""
    container: str
    """The container's id; each start has another one."""
    how: str

    @classmethod
    def all_of(cls, pods: Iterable[Mapping[str, Any]]) -> tuple["ContainerExit", ...]:
        """The last exits of all containers in these pod documents, without those of workers that gave their jobs back."""
        return tuple(
            cls(str(pod["metadata"]["name"]), str(ended.get("containerID", "")), _words(ended))
            for pod in pods
            for one in pod.get("status", {}).get("containerStatuses", ())
            if (ended := _ended(one)) and ended.get("exitCode") not in GAVE_BACK
        )


class ContainerExits:
    """Reports each container's exit to the leader, once."""

    def __init__(self, exits: Exits) -> None:
        self._exits = exits
        self._known: dict[ContainerExit, None] | None = None

    async def tell(self, found: Iterable[ContainerExit]) -> None:
        """Report the new ones among the exits found. Those found by the first call are not reported."""
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
            if len(self._known) > MAX_REMEMBERED:
                del self._known[next(iter(self._known))]


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How the container ended; where it runs again, how it ended before."""
    for state in ("state", "lastState"):
        ended: Mapping[str, Any] | None = container.get(state, {}).get("terminated")
        if ended:
            return ended
    return None


def _words(ended: Mapping[str, Any]) -> str:
    code, reason = ended.get("exitCode"), ended.get("reason")
    said = f" ({reason})" if reason and reason != "Error" else ""
    return f"its container ended with exit code {code}{said}"
