"""What the benchmarks' job type does, in the worker."""

import time
from typing import Any

from bench.jobs import clock


@clock.handler
async def tell(payload: Any) -> Any:
    """Seconds since 1970, read first."""
    return {"started": time.time(), **payload}
