"""The W3C trace context (`traceparent`) of the span that is current, without an import of OpenTelemetry."""

import sys


def current() -> str | None:
    """The context of the span in which this code runs, as a header's value; None where there is none.

    It asks the library that is loaded: a span may be of Corral, or of a program's own instrumentation.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return None
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"
