"""A receiver of webhooks: it verifies each message with the Standard Webhooks library, and handles each once.

pip install standardwebhooks
WEBHOOK_SECRET=whsec_… python webhook_receiver.py 8090
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BYTES = 1_000_000
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
handled: set[str] = set()  # in your system: a table, written together with what the message changes


class Receiver(BaseHTTPRequestHandler):
    """Takes messages at any path."""

    def do_POST(self) -> None:
        """Verify a message, handle it unless it was handled before, and answer."""
        size = int(self.headers.get("Content-Length", "0"))
        if size > MAX_BYTES:
            self.send_error(413)
            return
        try:
            message = webhook.verify(
                self.rfile.read(size), {key.lower(): value for key, value in self.headers.items()}
            )
        except WebhookVerificationError:
            self.send_error(401)
            return
        if self.headers["webhook-id"] not in handled:  # it may come twice, always under the same id
            handled.add(self.headers["webhook-id"])
            sys.stdout.write(
                f"{message['type']} {message['data'].get('id')} {message['data'].get('number')}\n"
            )
            sys.stdout.flush()
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer((os.environ.get("RECEIVER_HOST", "127.0.0.1"), int(sys.argv[1])), Receiver).serve_forever()
