"""A receiver of webhooks: it keeps each request as a line of JSON. Below /down it answers 503, else 204."""

import json
import sys
from pathlib import Path

from demo.stand_ins.serving import Silent, serve


class Hooks(Silent):
    """Takes whatever is sent."""

    folder: Path

    def do_POST(self) -> None:  # noqa: N802  as http.server calls it
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


if __name__ == "__main__":
    Hooks.folder = Path(sys.argv[1])
    serve(Hooks)
