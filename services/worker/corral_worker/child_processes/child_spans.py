"""Spans of handlers in child processes: they cross to the worker, which sends them with its own.

A child has no exporter: no thread and no connection that a fork or a kill could leave in a wrong state, and what a
handler did before it was killed is not lost.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from corral.tracing import activation
from corral_worker.child_processes.messages import EndedSpan


class RunSpans(Protocol):
    """What a child does about spans."""

    def of_run(self, trace: str | None) -> AbstractContextManager[None]:
        """Within it the handler's spans are children of the one with this context."""
        ...


class NoSpans:
    """A child without tracing."""

    def of_run(self, trace: str | None) -> AbstractContextManager[None]:  # noqa: ARG002  # as RunSpans
        """Nothing."""
        return nullcontext()


def preload() -> None:
    """Import what children need, in the process that they are forked from, where tracing is configured."""
    if activation.configured():
        try:
            import corral_worker.child_processes.span_crossing  # noqa: F401, PLC0415
        except ImportError:
            return


def opened(send: Callable[[EndedSpan], None]) -> RunSpans:
    """The spans of this child; none where tracing is not configured, or not installed."""
    if not activation.configured():
        return NoSpans()
    try:
        from corral_worker.child_processes.span_crossing import CrossingSpans  # noqa: PLC0415  only with tracing
    except ImportError:
        return NoSpans()
    return CrossingSpans(send)


def pass_on(span: dict[str, Any]) -> None:
    """Take a span that a child ended, into those of this process.

    Raises:
        Exception: it is none.
    """
    making = activation.tracer()
    if making is not None:
        from corral_worker.child_processes.span_crossing import read_span  # noqa: PLC0415  only with tracing

        making.take(read_span(span, making.provider.resource))
