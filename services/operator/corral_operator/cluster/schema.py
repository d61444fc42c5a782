"""Checks that the cluster's definition of WorkerPool is at least as new as this operator.

A namespaced Role can't allow reading resource definitions. Every authenticated client may read the API server's
OpenAPI document (`system:discovery`), and it holds the schema's description, which ends with its version.
A field with a default would be no better: what was stored under an older schema keeps the older default.
"""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final

import structlog

from corral.errors import CorralError
from corral_operator.cluster.api import Absent, ApiError, ApiForbidden, Away
from corral_operator.cluster.cluster import Cluster
from corral_operator.reports.log_repeats import LogRepeats

log = structlog.get_logger(__name__)

VERSION: Final = 1
"""The version of the schema that this operator reads and writes; charts/corral/crds/workerpool.yaml has the same."""
COMMAND: Final = "kubectl apply --server-side --force-conflicts -f charts/corral/crds/workerpool.yaml"
DEFINITION_WAIT_SECONDS: Final = 20
"""Seconds that the API server may take to publish a definition that was just installed."""
_VERSION = re.compile(r"Schema version (\d+)")


class OldSchema(CorralError):
    """The cluster's WorkerPool definition is missing or older than the operator needs."""


async def check(
    cluster: Cluster,
    alive: Callable[[], None],
    *,
    needed: int = VERSION,
    wait_seconds: int = DEFINITION_WAIT_SECONDS,
) -> None:
    """Return when the definition is new enough. Waits while the API server is away.

    Args:
        cluster: where to ask.
        alive: called before each request.
        needed: the least version.
        wait_seconds: how long the API server may take to publish it.

    Raises:
        OldSchema: the definition is missing or too old; the message names the command that helps.
    """
    found = 0
    for second in range(wait_seconds + 1):
        if second:
            await asyncio.sleep(1)
        try:
            found = await _published(cluster, alive)
        except ApiForbidden as error:
            log.warning(
                "schema.unknown", error=str(error), hint="/openapi/v3 may not be read: it is not checked"
            )
            return
        if found >= needed:
            return
    is_what = f"has schema version {found}" if found else "is not installed"
    raise OldSchema(
        f"the definition of WorkerPool {is_what}; this operator needs {needed}. "
        f"Helm never updates it, so run, with the files of this release: {COMMAND}"
    )


async def _published(cluster: Cluster, alive: Callable[[], None]) -> int:
    repeats = LogRepeats()
    while True:
        alive()
        try:
            description = str((await cluster.published_schema()).get("description", ""))
        except Absent:
            return 0
        except Away as error:
            if repeats.due(str(error), time.monotonic()):
                log.warning("schema.waiting", error=str(error))
            await asyncio.sleep(2)
            continue
        except ApiForbidden:
            raise
        except ApiError as error:
            log.warning("schema.unreadable", error=str(error))
            return 0
        found = _VERSION.search(description)
        return int(found[1]) if found else 0
