"""The span of one request to the outside, where tracing is on; its server is told its context."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from corral.outgoing.url import Target
from corral.tracing.activation import tracer

if TYPE_CHECKING:  # OpenTelemetry is imported where it is configured
    from opentelemetry.trace import Span

HEADER = "traceparent"


class RequestSpan:
    """What is told of one request; without tracing nothing is."""

    def __init__(self, span: "Span | None", headers: dict[str, str]) -> None:
        self._span = span
        self.headers = headers
        """Headers that are sent beside those of the caller."""

    def answered(self, status: int) -> None:
        """Note the status of the answer; one from 400 on is an error."""
        if self._span is not None:
            self._span.set_attribute("http.response.status_code", status)
            if status >= 400:
                from corral.tracing.tracer import errored  # noqa: PLC0415  only with tracing

                errored(self._span, str(status))


@contextmanager
def request_span(method: str, target: Target) -> Iterator[RequestSpan]:
    """The span of a request, which ends when its body was read; what is raised makes it an error."""
    making = tracer()
    if making is None:
        yield RequestSpan(None, {})
        return
    from corral.tracing.tracer import header_of, within  # noqa: PLC0415  only with tracing

    span = making.request(method.upper(), target.scheme, target.host, target.port)
    with within(span):
        yield RequestSpan(span, {HEADER: header_of(span)})
