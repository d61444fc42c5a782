"""Which requests have spans, where tracing is on: those that may change something. FastAPI makes them.

Reading requests have none: pages and programs ask every second, and a query may name what nobody else may know.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from fastapi.telemetry import TelemetryConfig

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def _is_left_out(scope: MutableMapping[str, Any]) -> bool:
    return scope["type"] != "http" or scope["method"] in READS


REQUEST_SPANS: Final = TelemetryConfig(
    tracing=True,
    metrics=False,  # Corral has its own
    logs=False,
    operation_spans=False,
    auto_configure=False,  # corral.tracing starts it, with one provider for all
    exclude=_is_left_out,
)
