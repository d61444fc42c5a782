"""A server of feeds: it serves the files of its folder with ETags, and writes a line into `requests` for each answer."""

import hashlib
import sys
from pathlib import Path

from demo.stand_ins.serving import Silent, serve


class Feeds(Silent):
    """Serves one folder."""

    folder: Path

    def do_GET(self) -> None:  # noqa: N802  as http.server calls it
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


if __name__ == "__main__":
    Feeds.folder = Path(sys.argv[1])
    serve(Feeds)
