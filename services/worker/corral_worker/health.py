"""The worker's health over HTTP, from threads of its own: it answers while the event loop is blocked.

/healthz    200 while the process is worth keeping
/readyz     200 from its registration on, unless it is sealed: about to be removed, and empty
/health/workers  what it does now
"""

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import orjson
import structlog

log = structlog.get_logger(__name__)

State = Callable[[], dict[str, Any]]
"""Answers `alive` (bool), `unready` (why, or None) and `worker` (what /health/workers shows)."""

CLOSE_SECONDS = 0.1
"""How long closing may take: so often the server looks whether it should end."""


class Health:
    """Answers probes over HTTP, from a daemon thread."""

    @classmethod
    def serve(cls, host: str, port: int, state: State) -> Self | None:
        """Answer from now on; None, and a line in the log, where that address can't be had."""
        try:
            return cls(host, port, state)
        except OSError as error:
            log.critical("health.not_served", host=host, port=port, error=str(error))
            return None

    def __init__(self, host: str, port: int, state: State) -> None:
        class HealthHandler(_ProbeHandler):
            read_state = staticmethod(state)

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        self._server = Server((host, port), HealthHandler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(CLOSE_SECONDS,), name="health", daemon=True
        )
        self._thread.start()
        log.info("health.listening", host=host, port=self.port)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _ProbeHandler(BaseHTTPRequestHandler):
    read_state: State
    protocol_version = "HTTP/1.1"
    timeout = 5.0

    def do_GET(self) -> None:  # the library's name
        state = self.read_state()
        match self.path.partition("?")[0]:
            case "/healthz":
                self._answer(200 if state["alive"] else 503, {"status": "ok" if state["alive"] else "stuck"})
            case "/readyz":
                why = state["unready"]
                self._answer(
                    503 if why else 200,
                    {"status": "waiting" if why else "ready", "missing": [why] if why else []},
                )
            case "/health/workers":
                self._answer(200, {"workers": [state["worker"]]})
            case path:
                self._answer(404, {"status": "not found", "path": path[:200]})

    do_HEAD = do_GET  # noqa: N815  # as above

    def log_message(self, *_args: object) -> None:
        """Probes are not worth a line each."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
