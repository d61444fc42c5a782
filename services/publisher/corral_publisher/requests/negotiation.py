"""What form of an answer a caller asks for."""

from starlette.requests import Request


def wants_html(request: Request) -> bool:
    """Whether the request asks for HTML by name; `*/*` alone is what programs send."""
    accept = request.headers.get("accept", "")
    return "text/html" in accept or "text/event-stream" in accept
