"""kopf, as far as the operator uses it: one watch of the pools, with nothing written into them.

It has a thread and an event loop of its own: when kopf ends, it cancels every task that it finds in its loop.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, cast

import kopf
import structlog

from corral_operator.worker_pool import GROUP, PLURAL, VERSION

log = structlog.get_logger(__name__)

INACTIVITY_SECONDS: Final = 70.0
"""Seconds without a word, after which a watch counts as broken. The API server says something every 60."""
RESTART_SECONDS: Final = 5.0
"""Seconds until kopf is started again, should it ever end by itself."""

Seen = Callable[[Mapping[str, Any], bool], None]
"""Takes a pool's document, and whether it was deleted."""


class PoolWatch:
    """Follows the WorkerPools of one namespace, in a thread of its own."""

    def __init__(self, namespace: str, identity: str, seen: Seen) -> None:
        """`seen` is called in the event loop that is running now."""
        self._namespace, self._identity = namespace, identity
        loop = asyncio.get_running_loop()

        def passed_on(document: Mapping[str, Any], deleted: bool) -> None:
            loop.call_soon_threadsafe(seen, document, deleted)

        self._registry = _registry(passed_on)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)

    def start(self) -> None:
        """Begin; the pools that there are come first."""
        self._thread.start()

    async def close(self) -> None:
        """End; gives up after a few seconds, for nothing is lost with it."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 3)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                asyncio.run(self._follow())
            except Exception as error:
                log.exception("watch.ended", error=repr(error))
            self._stop.wait(RESTART_SECONDS)

    async def _follow(self) -> None:
        settings = kopf.OperatorSettings()
        settings.scanning.disabled = True  # a namespaced Role may look at neither namespaces nor definitions
        settings.posting.enabled = False  # Events are the operator's own
        settings.peering.standalone = True  # a Lease elects
        settings.watching.inactivity_timeout = INACTIVITY_SECONDS
        settings.networking.request_timeout = 30.0
        settings.networking.connect_timeout = 5.0
        settings.networking.error_backoffs = (1, 1, 2, 3, 5)
        settings.process.ultimate_exiting_timeout = None
        await kopf.operator(
            registry=self._registry,
            settings=settings,
            namespaces=[self._namespace],
            identity=cast(Any, self._identity),  # else kopf asks for a user's name, which a bare uid has not
            stop_flag=self._stop,
        )


class _KubernetesConnection(kopf.ConnectionInfo):
    """As the operator's own client: authorities without a key identifier are accepted."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _registry(seen: Seen) -> kopf.OperatorRegistry:
    """Handlers that tell of pools. `on.event` alone: it adds no finalizers, so nothing ever hangs."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**given: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_service_account(**given) or kopf.login_with_kubeconfig(**given)
        return _KubernetesConnection(**asdict(found)) if found else None

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def event(event: kopf.RawEvent, **_: Any) -> None:
        seen(event["object"], event["type"] == "DELETED")

    return registry
