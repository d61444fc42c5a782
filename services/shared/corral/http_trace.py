"""What httpx, httpx2 and httpcore tell the `trace` of a request."""

from typing import Final

SENDING: Final = ".send_request_headers.started"
"""The end of the event's name when a connection is there and no byte of the request was sent. The names differ by the
version of HTTP before it: `http11`, `http2`. Source: httpcore, the request extension `trace`."""
