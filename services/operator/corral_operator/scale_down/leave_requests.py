"""Requests to workers to leave, and their answers, through Redis."""

import secrets

import structlog

from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.scaling.drain_request import DrainRequest
from corral_operator.scale_down.holds import Hold, HoldCause
from corral_operator.scale_down.scale_down import ScaleDown, Step
from corral_operator.scale_down.victim import Victim

log = structlog.get_logger(__name__)


class LeaveRequests:
    """Asks the workers of one pool to leave, and reads their answers. Raises nothing; `holds` says what failed."""

    def __init__(self, dispatch: Dispatch, pool: str) -> None:
        self._dispatch, self._pool = dispatch, pool
        self._failed: Unavailable | None = None

    def begin(self) -> None:
        """Begin a turn: forget the failure of the last one."""
        self._failed = None

    @property
    def holds(self) -> list[Hold]:
        """Why workers can't be asked to leave in this turn; empty where they can."""
        if self._failed is None:
            return []
        return [Hold(HoldCause.REDIS_AWAY, f"workers can't be asked to leave: {self._failed}")]

    async def adopted(self, now: float) -> ScaleDown | None:
        """The workers that an earlier operator asked to leave; None while Redis is away."""
        try:
            requested = (await self._dispatch.drain_requests.all()).get(self._pool)
        except Unavailable as error:
            self._failed = error
            return None
        names = requested.workers if requested else ()
        if names:
            log.info("pool.adopted", pool=self._pool, draining=sorted(names))
        return ScaleDown({name: Victim(now, nonce(), now) for name in names})

    async def answers(self, leaving: ScaleDown) -> dict[str, str]:
        """The nonce that each leaving worker answered last."""
        try:
            return await self._dispatch.drain_requests.seals(leaving.requests)
        except Unavailable as error:
            self._failed = error
            return {}

    async def ask(self, done: Step) -> None:
        """Write the requests for the leader and the workers. Old requests expire by themselves where Redis is away."""
        try:
            if done.released:
                await self._dispatch.drain_requests.unseal(done.released)
            requests = {name: DrainRequest(asked) for name, asked in done.leaving.requests.items()}
            await self._dispatch.drain_requests.write(self._pool, requests)
        except Unavailable as error:
            self._failed = error
            log.debug("pool.wishes_not_told", pool=self._pool, error=str(error))


def nonce() -> str:
    """A new random nonce, which no worker can have answered before."""
    return secrets.token_hex(8)
