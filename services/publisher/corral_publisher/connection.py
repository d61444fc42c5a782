"""A connection of a client: gunicorn's, which is closed soon when its process stops."""

from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol

SILENT_SECONDS = 1.0
"""Who has asked nothing for so long is not about to ask."""


class ClientConnection(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn itself keeps silent connections until the grace is over, and so the whole process.

    A request that comes meanwhile is answered; its answer says that the connection is closed then.
    """

    _heard = 0.0

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        self._heard = self.worker.loop.time()
        self.worker.connections.add(self)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """The client sends a request, or a part of one."""
        self._heard = self.worker.loop.time()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or was sent away."""
        self.worker.connections.discard(self)
        super().connection_lost(exc)

    def close_when_silent(self) -> None:
        """Close it once its client is silent; where a request runs, its answer closes it."""
        if self._closed or not self._awaiting_request:
            return
        left = self._heard + SILENT_SECONDS - self.worker.loop.time()
        if left <= 0:
            self._keepalive_timeout()
        else:
            self.worker.loop.call_later(left, self.close_when_silent)
