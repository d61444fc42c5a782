"""Imports redis-py without OpenTelemetry, which it loads for metrics of its own wherever it is installed.

Images hold it for traces, and import it only where these are on. Nobody asks redis-py for its metrics.
"""

import sys
from typing import Any, Final

_LIBRARY: Final = "opentelemetry"


def _import_redis() -> None:
    modules: dict[str, Any] = sys.modules
    if _LIBRARY in modules or "redis" in modules:
        return
    modules[_LIBRARY] = None  # as if it were not installed
    try:
        import redis.observability.providers  # noqa: F401, PLC0415
    except ModuleNotFoundError:  # another version of redis-py has no such module
        return
    finally:
        del modules[_LIBRARY]


_import_redis()
