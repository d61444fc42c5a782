"""How a stand-in serves: it tells its port on standard output, says nothing else, and ends when it is told to.

Its arguments are its folder and, where others than this machine are to reach it, the host and port to listen on.
"""

import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType


class Silent(BaseHTTPRequestHandler):
    """Logs nothing: the stand-in keeps a file of what it was asked."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as its base class names it
        """Say nothing."""


def serve(handler: type[BaseHTTPRequestHandler]) -> None:
    """Serve until told to end: where the arguments say, else on a free port of this machine."""
    signal.signal(signal.SIGTERM, _end)
    host, port = sys.argv[2:4] if len(sys.argv) > 3 else ("127.0.0.1", "0")
    with ThreadingHTTPServer((host, int(port)), handler) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  as signal calls it
    sys.exit(0)
