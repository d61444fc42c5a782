"""A rate of calls that is taken on the open connection, right before the first byte of a request leaves."""

from collections.abc import Mapping
from typing import Any, Final

from corral.context import budgets
from corral.context.link import ContextLink, SyncContextLink
from corral.http_trace import SENDING

CONNECT: Final = b"CONNECT"
"""The method of a request to a proxy, which is no call of the provider. Source: RFC 9110, section 9.3.6."""


class RequestBudget:
    """The `trace` extension of requests by httpx, httpx2 or httpcore in a coroutine: each takes of the rate as it leaves."""

    def __init__(self, line: ContextLink, ask: budgets.Ask, timeout: float | None) -> None:
        self._line, self._ask, self._timeout = line, ask, timeout

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the HTTP library at each step of a request. Raises as `Context.budget` does; nothing is sent then."""
        if _leaves(event, info):
            await budgets.take(self._line, self._ask, self._timeout)


class BlockingRequestBudget:
    """The same in a thread or a process."""

    def __init__(self, line: SyncContextLink, ask: budgets.Ask, timeout: float | None) -> None:
        self._line, self._ask, self._timeout = line, ask, timeout

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the HTTP library at each step of a request. Raises as `Context.budget` does; nothing is sent then."""
        if _leaves(event, info):
            budgets.take_blocking(self._line, self._ask, self._timeout)


def _leaves(event: str, info: Mapping[str, Any]) -> bool:
    return event.endswith(SENDING) and getattr(info.get("request"), "method", None) != CONNECT
