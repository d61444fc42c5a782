"""The watch of WorkerPools, with kopf. It writes nothing into them.

It has a thread and an event loop of its own, because kopf cancels every task in its loop when it ends.
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
"""Seconds without a message after which a watch counts as broken. The API server sends one every 60."""
RESTART_SECONDS: Final = 5.0
"""Seconds until kopf is started again after it ended by itself."""

Seen = Callable[[Mapping[str, Any], bool], None]
"""Takes a pool's document, and whether it was deleted."""


class PoolWatch:
    """Watches the WorkerPools of one namespace, in a thread of its own."""

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
        """Start the watch. It begins with all existing pools."""
        self._thread.start()

    async def close(self) -> None:
        """Stop the watch; gives up after a few seconds, because nothing is lost with it."""
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
