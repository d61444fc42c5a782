"""The SDK's provider of spans, with what Corral knows about the process; the one that everybody in it uses."""

import os
import socket
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider

MAX_LINKS = 1_000
"""Links of one span, unless OTEL_SPAN_LINK_COUNT_LIMIT says otherwise: the span of a batch has one for each job."""


def provider_of(service: str, instance: str | None, processor: SpanProcessor) -> TracerProvider:
    """A provider whose ended spans go to `processor`, made known to every library in this process.

    Where a program's own start has made one known already, that one gets the processor beside its own.
    """
    found = trace.get_tracer_provider()
    if isinstance(found, TracerProvider):
        found.add_span_processor(processor)
        return found
    provider = TracerProvider(
        resource=_resource(service, instance),
        shutdown_on_exit=False,  # it would wait for an absent collector
        span_limits=SpanLimits()
        if "OTEL_SPAN_LINK_COUNT_LIMIT" in os.environ
        else SpanLimits(max_links=MAX_LINKS),
    )
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return provider


def _resource(service: str, instance: str | None) -> Resource:
    """The resource that the variables name; Corral's words stand where they say nothing."""
    ours = {
        "service.name": service,
        "service.version": version("corral"),
        "service.instance.id": instance or f"{socket.gethostname()}.{os.getpid()}",
    }
    named = Resource.create()
    given = named.attributes
    unnamed = str(given.get("service.name", "")).startswith("unknown_service")
    chosen = {
        name: value
        for name, value in ours.items()
        if name not in given or (name == "service.name" and unnamed)
    }
    return named.merge(Resource(chosen))
