"""A span crosses from a child to the worker with all that it says, and nothing that is none is taken for one."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode

from corral.tracing.tracer import failed
from corral_worker.child_processes.framing import Decoder, encode
from corral_worker.child_processes.messages import EndedSpan
from corral_worker.child_processes.span_crossing import read_span, written_span


class Text(str):
    """A string of a team's own."""

    __slots__ = ()


def ended() -> ReadableSpan:
    """A span with something of everything."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1")
    with tracer.start_as_current_span("outer") as outer:
        span = tracer.start_span(
            "inner",
            kind=SpanKind.CLIENT,
            links=[Link(outer.get_span_context(), {"why": "so"})],
            attributes={"text": Text("a"), "numbers": [1, 2], "true": True, "half": 0.5},
        )
        failed(span, "ValueError", "no", "a stack")
        span.end()
    return exporter.get_finished_spans()[0]


def test_it_arrives_as_it_was():
    span, resource = ended(), Resource({"service.name": "worker"})
    (message,) = Decoder().feed(encode(EndedSpan(written_span(span))))
    read = read_span(message.span, resource)
    assert read.resource is resource
    assert read.context == span.context
    assert read.parent == span.parent
    assert dict(read.attributes or {}) == dict(span.attributes or {}) | {"text": "a"}
    assert [(one.name, dict(one.attributes or {}), one.timestamp) for one in read.events] == [
        (one.name, dict(one.attributes or {}), one.timestamp) for one in span.events
    ]
    assert [(one.context, dict(one.attributes or {})) for one in read.links] == [
        (one.context, dict(one.attributes or {})) for one in span.links
    ]
    assert (read.name, read.kind, read.start_time, read.end_time) == (
        *("inner", SpanKind.CLIENT),
        *(span.start_time, span.end_time),
    )
    assert (read.status.status_code, read.status.description) == (StatusCode.ERROR, "no")
    assert read.instrumentation_scope == span.instrumentation_scope


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("context"),
        lambda told: told.update(context=None),
        lambda told: told.update(times=("soon", "later")),
        lambda told: told.update(kind=99),
        lambda told: told.update(attributes=[1]),
    ],
)
def test_what_is_no_span_is_refused(spoil: Callable[[dict[str, Any]], object]):
    told = written_span(ended())
    spoil(told)
    with pytest.raises(Exception):  # noqa: B017  # the worker takes any for the end of the child's sense
        read_span(told, Resource({}))
