"""The place of artifacts, asked once when a program starts, so that a wrong key is not first told by a failed job."""

import structlog

from corral.errors import Unavailable
from corral.store import Store

log = structlog.get_logger(__name__)


async def warn_where_away(store: Store) -> None:
    """Log a warning where new files can't be stored. Nothing else waits for their place: jobs without files run."""
    try:
        await store.artifacts.try_out()
    except Unavailable as error:
        log.warning("artifacts.unavailable", reason=error.reason)
