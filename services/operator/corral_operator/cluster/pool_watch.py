"""The watch of WorkerPools, with kopf. It writes nothing into them.

It has a thread and an event loop of its own, because kopf cancels every task in its loop when it ends.
"""

import asyncio
import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final, cast

import kopf
import structlog

from corral_operator.cluster.worker_pool import GROUP, PLURAL, VERSION
from corral_operator.reports.log_repeats import LogRepeats

log = structlog.get_logger(__name__)

INACTIVITY_SECONDS: Final = 70.0
"""Seconds without a message after which a watch counts as broken. The API server sends one every 60."""
BACKOFFS: Final = (1.0, 1.0, 2.0, 3.0, 5.0)
"""Seconds between the tries of one request."""
RESTART_SECONDS: Final = 5.0
"""Seconds until kopf is started again after it ended by itself."""

_LEAST: Final = {
    "kopf": logging.WARNING,  # else a line per event of the watch
    # Each try of each request and each task that failed: PoolWatch tells that, once.
    "kopf._cogs.clients": logging.CRITICAL,
    "kopf._core.reactor.orchestration": logging.CRITICAL,
    "kopf._core.reactor.running": logging.CRITICAL,
}
"""The least severity of what kopf's own loggers say."""

Seen = Callable[[Mapping[str, Any], bool], None]
"""Takes a pool's document, and whether it was deleted."""


def quieten() -> None:
    """Let kopf say only what nobody else says."""
    for name, level in _LEAST.items():
        logging.getLogger(name).setLevel(level)


class PoolWatch:
    """Watches the WorkerPools of one namespace, in a thread of its own."""

    def __init__(
        self,
        namespace: str,
        identity: str,
        seen: Seen,
        *,
        backoffs: Sequence[float] = BACKOFFS,
        restart_seconds: float = RESTART_SECONDS,
    ) -> None:
        """`seen` is called in the event loop that is running now."""
        self._namespace, self._identity = namespace, identity
        self._backoffs, self._restart_seconds = backoffs, restart_seconds
        loop = asyncio.get_running_loop()

        def passed_on(document: Mapping[str, Any], deleted: bool) -> None:
            loop.call_soon_threadsafe(seen, document, deleted)

        self._registry = _registry(passed_on)
        self._stop = threading.Event()
        self._end: Callable[[], object] | None = None
        """Ends the run of kopf that is under way."""
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)

    def start(self) -> None:
        """Start the watch. It begins with all existing pools."""
        self._thread.start()

    async def close(self) -> None:
        """Stop the watch; gives up after a few seconds, because nothing is lost with it."""
        self._stop.set()
        if self._end is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended by itself
                self._end()
        await asyncio.to_thread(self._thread.join, 3)

    def _run(self) -> None:
        repeats = LogRepeats()
        while not self._stop.is_set():
            try:
                asyncio.run(self._follow())
            except Exception as error:
                if repeats.due(repr(error), time.monotonic()):
                    log.exception("watch.ended", error=repr(error))
            self._stop.wait(self._restart_seconds)

    async def _follow(self) -> None:
        # An event of this loop: kopf would wait for a thread's in a thread, and the loop, once kopf has failed, for that.
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._end = partial(loop.call_soon_threadsafe, stop.set)
        if self._stop.is_set():
            return
        settings = kopf.OperatorSettings()
        settings.scanning.disabled = True  # a namespaced Role may look at neither namespaces nor definitions
        settings.posting.enabled = False  # Events are the operator's own
        settings.peering.standalone = True  # a Lease elects
        settings.watching.inactivity_timeout = INACTIVITY_SECONDS
        settings.networking.request_timeout = 30.0
        settings.networking.connect_timeout = 5.0
        settings.networking.error_backoffs = self._backoffs
        settings.process.ultimate_exiting_timeout = None
        await kopf.operator(
            registry=self._registry,
            settings=settings,
            namespaces=[self._namespace],
            identity=cast(Any, self._identity),  # else kopf asks for a user's name, which a bare uid has not
            stop_flag=stop,
        )


class _KubernetesConnection(kopf.ConnectionInfo):
    """A connection that accepts certificate authorities without a key identifier, as the operator's own client does."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _registry(seen: Seen) -> kopf.OperatorRegistry:
    """The handlers for kopf. Only `on.event` is used: it adds no finalizers, so no deletion can hang."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**given: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_service_account(**given) or kopf.login_with_kubeconfig(**given)
        return _KubernetesConnection(**asdict(found)) if found else None

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def event(event: kopf.RawEvent, **_: Any) -> None:
        seen(event["object"], event["type"] == "DELETED")

    return registry
