"""What the parts of the client for Python need of it: calls below /api/v1."""

from collections.abc import Iterator
from typing import Any, Protocol

Json = Any


class ApiCalls(Protocol):
    """Calls of a client for Python below /api/v1."""

    def get(self, path: str, **params: Json) -> Json:
        """GET."""

    def post(self, path: str, body: Json = None) -> Json:
        """POST."""

    def patch(self, path: str, body: Json) -> Json:
        """PATCH."""

    def delete(self, path: str) -> Json:
        """DELETE."""

    def pages(self, path: str, *, limit: int | None = None, **params: Json) -> Iterator[Json]:
        """Every item of a list."""
