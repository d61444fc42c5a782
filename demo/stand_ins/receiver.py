"""A receiver of webhooks: it keeps each request as a line of JSON. Below /down it answers 503, else 204."""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType


class Hooks(BaseHTTPRequestHandler):
    """Takes whatever is sent."""

    folder: Path

    def do_POST(self) -> None:
        """Keep the request, and answer by its path."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        status = 503 if self.path.startswith("/down") else 204
        headers = {name.lower(): text for name, text in self.headers.items()}
        line = json.dumps({"path": self.path, "headers": headers, "body": body, "status": status})
        with (self.folder / "requests").open("a", encoding="utf-8") as lines:
            lines.write(f"{line}\n")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as its base class names it
        """Say nothing: the file has it."""


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  as signal calls it
    sys.exit(0)


def serve(folder: Path) -> None:
    """Serve until told to end."""
    Hooks.folder = folder
    signal.signal(signal.SIGTERM, _end)
    with ThreadingHTTPServer(("127.0.0.1", 0), Hooks) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
