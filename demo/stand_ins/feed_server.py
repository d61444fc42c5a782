"""A server of feeds: it serves the files of its folder with ETags, and writes a line into `requests` for each answer."""

import hashlib
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType


class Feeds(BaseHTTPRequestHandler):
    """Serves one folder."""

    folder: Path

    def do_GET(self) -> None:
        """Answer 200, 304 where the client has it, or 404."""
        file = self.folder / self.path.lstrip("/")
        if file.parent != self.folder or not file.is_file():
            self._answer(404)
            return
        body = file.read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == tag:
            self._answer(304, tag)
        else:
            self._answer(200, tag, body)

    def _answer(self, status: int, tag: str = "", body: bytes = b"") -> None:
        with (self.folder.parent / "feed-requests").open("a") as lines:
            lines.write(f"{status} {self.path}\n")
        self.send_response(status)
        if tag:
            self.send_header("ETag", tag)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as its base class names it
        """Say nothing: the file has it."""


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  as signal calls it
    sys.exit(0)


def serve(folder: Path) -> None:
    """Serve until told to end."""
    Feeds.folder = folder
    signal.signal(signal.SIGTERM, _end)
    with ThreadingHTTPServer(("127.0.0.1", 0), Feeds) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
