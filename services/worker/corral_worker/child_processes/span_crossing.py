"""How a span crosses from a child to the worker: as plain values, of which the worker makes the span again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from corral.tracing import activation
from corral.tracing.provider import provider_of
from corral.tracing.tracer import Tracer, continued
from corral_worker.child_processes.messages import EndedSpan

MAX_SPANS = 1_000
"""Spans of one run that cross; further ones are dropped, so that no handler keeps the worker busy with them."""


class CrossingSpans(SpanProcessor):
    """Makes spans in a child, and sends each to the worker when it ends."""

    def __init__(self, send: Callable[[EndedSpan], None]) -> None:
        self._send = send
        self._left = MAX_SPANS
        activation.use(Tracer(provider_of("corral-worker", None, self), self))

    @contextmanager
    def of_run(self, trace: str | None) -> Iterator[None]:
        """Within it the handler's spans are children of the one with this context."""
        self._left = MAX_SPANS
        with continued(trace):
            yield

    def on_end(self, span: ReadableSpan) -> None:
        """Send a span that ended."""
        context = span.get_span_context()
        if context is not None and context.trace_flags.sampled and self._left > 0:
            self._left -= 1
            self._send(EndedSpan(written_span(span)))


def written_span(span: ReadableSpan) -> dict[str, Any]:
    """A span as plain values."""
    scope = span.instrumentation_scope
    return {
        "name": str(span.name),
        "context": _written_context(span.get_span_context()),
        "parent": _written_context(span.parent),
        "kind": span.kind.value,
        "status": (span.status.status_code.value, span.status.description),
        "times": (span.start_time, span.end_time),
        "attributes": _plain(span.attributes),
        "events": [(one.name, _plain(one.attributes), one.timestamp) for one in span.events],
        "links": [(_written_context(one.context), _plain(one.attributes)) for one in span.links],
        "scope": (scope.name, scope.version) if scope is not None else None,
    }


def read_span(told: Mapping[str, Any], resource: Resource) -> ReadableSpan:
    """The span that was written, as one of this process.

    Raises:
        Exception: it is none.
    """
    code, description = told["status"]
    start, end = told["times"]
    scope = told["scope"]
    context = _read_context(told["context"])
    if context is None:
        raise ValueError("a span has no context")
    return ReadableSpan(
        str(told["name"]),
        context,
        _read_context(told["parent"]),
        resource,
        _plain(told["attributes"]),
        [Event(str(name), _plain(attributes), int(at)) for name, attributes, at in told["events"]],
        [
            Link(found, _plain(about))
            for one, about in told["links"]
            if (found := _read_context(one)) is not None
        ],
        SpanKind(told["kind"]),
        status=Status(StatusCode(code), description),
        start_time=int(start),
        end_time=int(end),
        instrumentation_scope=InstrumentationScope(str(scope[0]), scope[1]) if scope is not None else None,
    )


def _written_context(context: SpanContext | None) -> tuple[int, int, int, bool] | None:
    return (
        None
        if context is None
        else (context.trace_id, context.span_id, int(context.trace_flags), context.is_remote)
    )


def _read_context(told: Sequence[Any] | None) -> SpanContext | None:
    if told is None:
        return None
    trace_id, span_id, flags, is_remote = told
    return SpanContext(int(trace_id), int(span_id), bool(is_remote), TraceFlags(int(flags)))


def _plain(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Attributes as plain values: their strings may be of classes of the team's own."""
    return {str.__str__(name): _plain_value(value) for name, value in (attributes or {}).items()}


def _plain_value(value: Any) -> Any:
    for kind in (bool, str, int, float, bytes):
        if isinstance(value, kind):
            plain: Any = kind
            return value if type(value) is kind else plain(value)
    return tuple(map(_plain_value, value)) if isinstance(value, Sequence) else str(value)
