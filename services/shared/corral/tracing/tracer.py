"""Makes spans: of messages by OpenTelemetry's conventions for messaging, of requests by those for HTTP.

Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

SYSTEM = "corral"
MAX_MESSAGE = 1_000
"""Characters of an error's message in a span; the job has the whole."""
MAX_STACK = 8_000
"""Characters of a stack trace in a span, its end."""


class Operation(StrEnum):
    """What is done with jobs; the value is the operation's type in the conventions."""

    SEND = "send"
    DISPATCH = "dispatch"
    """Corral's own: the ids of stored jobs go to Redis."""
    RECEIVE = "receive"
    PROCESS = "process"


KINDS = {
    Operation.SEND: SpanKind.PRODUCER,
    Operation.DISPATCH: SpanKind.CLIENT,
    Operation.RECEIVE: SpanKind.CLIENT,
    Operation.PROCESS: SpanKind.CONSUMER,
}


class Tracer:
    """Makes the spans of one process. Any thread may call it."""

    def __init__(self, provider: TracerProvider, processor: SpanProcessor) -> None:
        """`processor` is what of the provider takes ended spans."""
        self.provider = provider
        self._processor = processor
        self._tracer = provider.get_tracer(SYSTEM)

    def close(self) -> None:
        """Send what is left, for as long as it takes; other spans are dropped after this."""
        self.provider.shutdown()

    def take(self, span: ReadableSpan) -> None:
        """Take a span that another process ended, to be sent with those of this one."""
        self._processor.on_end(span)

    def operation(
        self,
        operation: Operation,
        queue: str,
        *,
        parent: str | None = None,
        links: Iterable[str] = (),
        attributes: Mapping[str, AttributeValue] | None = None,
        at: int | None = None,
    ) -> Span:
        """A span of an operation on a queue, started.

        Args:
            operation: what is done.
            queue: where the jobs wait.
            parent: its parent, as a `traceparent`; without one it begins a trace of its own.
            links: contexts to which it belongs beside.
            attributes: further ones.
            at: when it started, in nanoseconds since 1970; None: now.
        """
        named: dict[str, AttributeValue] = {
            "messaging.system": SYSTEM,
            "messaging.destination.name": queue,
            "messaging.operation.name": operation.value,
            "messaging.operation.type": operation.value,
        }
        return self._tracer.start_span(
            f"{operation.value} {queue}",
            context=_parented(parent),
            kind=KINDS[operation],
            attributes=named | dict(attributes or {}),
            links=[Link(found) for one in links if (found := span_context(one)) is not None],
            start_time=at,
        )

    def request(self, method: str, scheme: str, address: str, port: int) -> Span:
        """A span of a request that is sent, started. It names the server, and no path: that may hold a secret."""
        attributes: dict[str, AttributeValue] = {
            "http.request.method": method,
            "server.address": address,
            "server.port": port,
            "url.scheme": scheme,
        }
        return self._tracer.start_span(method, kind=SpanKind.CLIENT, attributes=attributes)


@contextmanager
def within(span: Span) -> Iterator[None]:
    """Make a span the current one, and end it; what is raised makes it an error."""
    token = contexts.attach(trace.set_span_in_context(span))
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception):
            failed(span, type(error).__qualname__, str(error))
        raise
    finally:
        contexts.detach(token)
        span.end()


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """Run code as a part of the span with this context; None changes nothing."""
    if traceparent is None:
        yield
        return
    token = contexts.attach(_parented(traceparent))
    try:
        yield
    finally:
        contexts.detach(token)


def continue_in(traceparent: str) -> None:
    """Have the rest of the present context be a part of the span that is named."""
    contexts.attach(_parented(traceparent))


def enter(span: Span) -> None:
    """Make a span the current one for the rest of the present task."""
    contexts.attach(trace.set_span_in_context(span))


def errored(span: Span, kind: str) -> None:
    """Note that it ended in an error of this kind."""
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def failed(span: Span, kind: str, message: str, stack: str = "") -> None:
    """Note an error: the span's status, `error.type` and the event that the conventions name."""
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR, message[:MAX_MESSAGE])
    attributes = {"exception.type": kind, "exception.message": message[:MAX_MESSAGE]}
    if stack:
        attributes["exception.stacktrace"] = stack[-MAX_STACK:]
    span.add_event("exception", attributes)


def header_of(span: Span) -> str:
    """The `traceparent` that names this span."""
    found = span.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def span_context(traceparent: str) -> SpanContext | None:
    """The span that a `traceparent` names; None where it names none."""
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    found = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return found if found.is_valid else None


def _parented(traceparent: str | None) -> contexts.Context:
    found = None if traceparent is None else span_context(traceparent)
    if found is None:
        return contexts.Context()
    return trace.set_span_in_context(trace.NonRecordingSpan(found), contexts.Context())
