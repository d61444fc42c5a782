"""The duties, in a publisher's process: every process is a candidate, one leads (protocol rule 25).

A task beside the requests, with connections of its own: the duties mostly wait
for Postgres and Redis, a process that dies takes its candidate with it, and
another takes over. Where requests must not share a process with them,
`corral maintenance` runs them apart.
"""

import asyncio

from corral.dispatch import Dispatch
from corral.maintenance.run import run
from corral.settings import Settings
from corral.store import Store

CONNECTIONS = 3
"""Connections to Postgres. All duties share them, and each uses one for a short time."""


class Maintenance:
    """Runs maintenance in a publisher's process: it is a candidate for leadership until it is closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Be a candidate, and do the duties while this process leads, until `close`."""
        settings = self._settings
        store = Store.from_settings(
            settings, application_name="corral maintenance", pool_size=CONNECTIONS, direct=True
        )
        dispatch = Dispatch.open(settings.redis_url)
        try:
            await run(store, dispatch, settings, self._stop)
        finally:
            await dispatch.close()
            await store.close()

    def close(self) -> None:
        """Give leadership up, so that another process can lead at once."""
        self._stop.set()
