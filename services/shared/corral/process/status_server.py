"""Health and metrics over HTTP, answered by threads: a process whose event loop is blocked still says how it is."""

import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import orjson
import structlog

from corral.process.exposition import exposition

log = structlog.get_logger(__name__)

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Source: Prometheus, exposition formats."""
REQUEST_SECONDS = 5.0
"""Seconds that a client may stay silent within a request, before it is sent away."""
CLOSE_SECONDS = 0.2
"""Seconds that closing may take: the server looks this often whether it should end."""
BACKLOG = 16
"""Connections that may wait to be accepted."""


class Answer(NamedTuple):
    """What is answered to a request."""

    status: int
    content: bytes
    content_type: str = TEXT


Route = Callable[[], Answer]
"""Makes the answer for one path. It is called in a thread."""


class StatusServer:
    """Answers GET and HEAD on a few fixed paths, from daemon threads."""

    def __init__(self, listener: socket.socket, routes: Mapping[str, Route]) -> None:
        """Begin to answer.

        Args:
            listener: a listening socket, which other processes may share; it is closed with the server.
            routes: what to answer, by path.
        """

        class RoutedStatusHandler(_StatusHandler):
            answers = routes

        listener.setblocking(False)  # whoever shares it may have been faster
        self._server = _Server(listener, RoutedStatusHandler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(CLOSE_SECONDS,), name="status server", daemon=True
        )
        self._thread.start()

    @classmethod
    def listening(cls, host: str, port: int, routes: Mapping[str, Route]) -> Self:
        """Answer on an address; port 0 is any free one.

        Raises:
            OSError: the address is taken, or is none of this machine.
        """
        return cls(listen(host, port), routes)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening. Blocks for up to `CLOSE_SECONDS`."""
        self._server.shutdown()
        self._server.server_close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. `::` is every address of both families, as gunicorn takes it.

    Raises:
        OSError: the address is taken, or is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)


def json_answer(status: int, body: Mapping[str, Any]) -> Answer:
    """An answer in JSON."""
    return Answer(status, orjson.dumps(body), "application/json")


def metrics_answer() -> Answer:
    """The metrics of this process, or of all that share PROMETHEUS_MULTIPROC_DIR, as Prometheus reads them."""
    return Answer(200, exposition())


METRICS: Mapping[str, Route] = {"/metrics": metrics_answer}
"""The routes of a port that has metrics only."""


def serve_metrics(host: str, port: int) -> StatusServer | None:
    """Answer Prometheus, unless the port is 0. A port that is taken costs the metrics, and not the process's work."""
    if not port:
        return None
    try:
        return StatusServer.listening(host, port, METRICS)
    except OSError as error:
        log.warning("metrics.not_served", port=port, error=str(error))
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(listener.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the library's signature
        """Log what went wrong with one request; the others are answered."""
        error = sys.exception()
        if isinstance(error, OSError):  # the client went, or fell silent
            log.debug("status.request_failed", client=str(client_address), error=repr(error))
        else:
            log.error("status.request_broken", client=str(client_address), exc_info=error)


class _StatusHandler(BaseHTTPRequestHandler):
    answers: Mapping[str, Route]
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:  # the library's name
        path = self.path.partition("?")[0]
        route = self.answers.get(path)
        answer = self._made(route) if route is not None else self._not_found(path)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    do_HEAD = do_GET  # noqa: N815  # as above

    def _made(self, route: Route) -> Answer:
        try:
            return route()
        except Exception as error:
            log.exception("status.request_broken", path=self.path[:200], error=repr(error))
            return json_answer(500, {"status": "failed", "error": type(error).__name__})

    def _not_found(self, path: str) -> Answer:
        return json_answer(404, {"status": "not found", "path": path[:200], "paths": sorted(self.answers)})

    def log_message(self, *_args: object) -> None:
        """Log nothing: probes come every few seconds."""
