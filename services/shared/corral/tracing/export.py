"""Sends ended spans to a collector by OTLP over HTTP, in a thread of its own, and counts them.

Whoever ends a span only puts it into a bounded queue: a collector that hangs or is away makes spans be dropped, and
nobody wait.
"""

import logging
import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from corral import metrics
from corral.tracing.provider import provider_of
from corral.tracing.tracer import Tracer

QUIET_SECONDS = 60.0
"""Seconds between two log lines of the same kind about an absent collector: it may be away for days."""


class CountingExporter(SpanExporter):
    """An exporter that counts what became of the spans."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; how it went."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            what = "sent" if result is SpanExportResult.SUCCESS else "lost"
            metrics.TRACE_SPANS.labels(what).inc(len(spans))
        return result

    def shutdown(self) -> None:
        """Send nothing any more."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        return self._exporter.force_flush(timeout_millis)


class SpeakSeldom(logging.Filter):
    """Lets a library's line through once a minute for each place that writes it."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now - self._said.get(place, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._said[place] = now
        return True


def exporting_tracer(service: str, instance: str | None) -> Tracer:
    """A tracer whose spans are sent where the standard variables say, in the one protocol that is installed."""
    seldom = SpeakSeldom()
    for name in (
        "opentelemetry.exporter.otlp.proto.http.trace_exporter",
        "opentelemetry.sdk._shared_internal",
        "urllib3.connectionpool",
    ):
        logging.getLogger(name).addFilter(seldom)
    processor = BatchSpanProcessor(CountingExporter(OTLPSpanExporter()))
    return Tracer(provider_of(service, instance, processor), processor)
