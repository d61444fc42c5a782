"""How a call of the HTTP API fails: the publisher refuses, does not answer, or nobody says where it is.

Light to import: whoever catches these errors need not load the client.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from corral.errors import CorralError, FieldError

if TYPE_CHECKING:
    import httpx2


RATE_EXCEEDED = "rate-exceeded"
"""The end of the `type` of a refusal because the caller asks too much in a time."""


class NotConfigured(CorralError):
    """Nothing says where the publisher is."""


class Unreachable(CorralError):
    """The publisher did not answer."""


class ApiProblem(CorralError):
    """The publisher refused; the fields are those of its problem answer. Source: RFC 9457."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        fields: Sequence[FieldError],
        slug: str = "",
        *,
        retry_after: float | None = None,
    ) -> None:
        """`slug` is the end of the problem's `type`, which never changes: `no-free-slot`.

        `retry_after`: seconds after which the publisher takes this caller's requests again, where it refused one because
        the caller asks too much.
        """
        self.slug, self.retry_after = slug, retry_after
        self.status, self.title, self.detail, self.fields = status, title, detail, tuple(fields)
        super().__init__(f"{title}: {detail}" if detail else title)


def problem_of(response: "httpx2.Response") -> ApiProblem:
    """The refusal as an error, whatever the body is."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return ApiProblem(
            response.status_code, f"HTTP {response.status_code}", response.text[:200].strip(), ()
        )
    fields = [
        FieldError(str(item.get("pointer", item.get("parameter", ""))), str(item.get("detail", "")))
        for item in body.get("errors", ())
    ]
    slug = str(body.get("type", "")).rpartition(":")[2]
    asked = response.headers.get("Retry-After", "1")
    return ApiProblem(
        response.status_code,
        str(body.get("title", f"HTTP {response.status_code}")),
        str(body.get("detail", "")),
        fields,
        slug,
        retry_after=float(asked) if slug == RATE_EXCEEDED and asked.isdecimal() else None,
    )
