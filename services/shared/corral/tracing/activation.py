"""Whether this process makes spans, from the standard OTEL_ variables; its tracer, started and stopped."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from corral import metrics

if TYPE_CHECKING:  # OpenTelemetry is imported where it is configured, and nowhere else
    from corral.tracing.tracer import Tracer

log = structlog.get_logger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
FLUSH_SECONDS = 2.0
"""Seconds that a stopping process waits for its last spans to be sent."""


class _Active:
    tracer: "Tracer | None" = None


def tracer() -> "Tracer | None":
    """What makes the spans of this process; None where tracing is off."""
    return _Active.tracer


def configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a place for spans, and does not switch them off."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "").strip() not in {"", "otlp"}:
        return False
    return any(environment.get(name, "").strip() for name in ENDPOINTS)


def start(service: str, instance: str | None = None) -> None:
    """Start tracing in this process, where it is configured; after the last fork, since it starts a thread.

    What is wrong with its settings is logged, and then there are no spans: tracing stops no program.

    Args:
        service: its name, unless OTEL_SERVICE_NAME gives another.
        instance: which of its processes this is; None leaves it to the SDK.
    """
    if _Active.tracer is not None or not configured():
        return
    try:
        from corral.tracing.export import exporting_tracer  # noqa: PLC0415  only where it is configured
    except ImportError as error:
        log.warning("tracing.not_installed", missing=error.name, hint="pip install 'corral[tracing]'")
        return
    try:
        _refuse_other_protocols()
        _Active.tracer = exporting_tracer(service, instance)
    except Exception as error:
        metrics.SWALLOWED.labels("tracing").inc()
        log.exception("tracing.off", error=repr(error), hint="correct the OTEL_ variables and start again")
        return
    log.info("tracing.on", endpoint=next(os.environ[name] for name in ENDPOINTS if os.environ.get(name)))


@contextmanager
def harmless() -> Iterator[None]:
    """Make spans, and survive what goes wrong with that: no job fails because of its trace."""
    try:
        yield
    except Exception as error:
        metrics.SWALLOWED.labels("tracing").inc()
        log.exception("tracing.failed", error=repr(error))


def use(tracer: "Tracer | None") -> None:
    """Make spans with this tracer from here on: that of a child process, or of a test."""
    _Active.tracer = tracer


def stop(seconds: float = FLUSH_SECONDS) -> None:
    """Send the spans that are left, for at most so many seconds, and make none after it. Blocks."""
    ending, _Active.tracer = _Active.tracer, None
    if ending is None:
        return
    thread = threading.Thread(target=ending.close, name="tracing-close", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.warning("tracing.spans_lost", seconds=seconds, hint="the collector did not answer in time")


def _refuse_other_protocols() -> None:
    """Refuse a protocol that is not installed.

    Raises:
        ValueError: another is asked for.
    """
    asked = next(
        (os.environ[name].strip() for name in PROTOCOLS if os.environ.get(name, "").strip()), PROTOCOL
    )
    if asked != PROTOCOL:
        raise ValueError(f"{asked} can't be spoken: set {PROTOCOLS[1]} to {PROTOCOL}, or unset it")
