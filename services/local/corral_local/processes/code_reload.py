"""Replaces the processes that run changed code, while the old ones finish what they have begun."""

import asyncio
from collections.abc import Coroutine

from corral.errors import CorralError
from corral.waiting import all_or_error
from corral_local.pool.pool import LocalWorkerPool
from corral_local.processes.code_watch import CodeWatch, ReloadPart
from corral_local.processes.programs import Programs
from corral_local.processes.service import Service
from corral_local.processes.supervisor import Say

NAMED_FILES = 3
"""Changed files that a message names."""


class CodeReload:
    """Waits for changes of code and replaces the services and workers that run it."""

    def __init__(
        self,
        watch: CodeWatch,
        programs: Programs,
        pool: LocalWorkerPool,
        *,
        publisher: Service,
        maintenance: Service,
        say: Say,
    ) -> None:
        self._watch, self._programs, self._say = watch, programs, say
        self._pool, self._publisher, self._maintenance = pool, publisher, maintenance

    async def run(self) -> None:
        """Replace processes after each change, until cancelled."""
        await self._publisher.prepare()
        while True:
            changed = await self._watch.next()
            concerned = self._watch.concerned(changed)
            names = ", ".join(path.name for path in changed[:NAMED_FILES])
            if ReloadPart.UP in concerned:
                self._say(
                    f"{names} changed: it belongs to corral up itself; stop and start it to use the change"
                )
            work: list[Coroutine[None, None, None]] = []
            if ReloadPart.WORKERS in concerned and self._pool.size:
                work.append(self._replace_workers())
            if ReloadPart.PUBLISHER in concerned:
                work.append(self._publisher.replace())
            if ReloadPart.MAINTENANCE in concerned:
                work.append(self._maintenance.replace())
            if work:
                parts = ", ".join(
                    part for part in ReloadPart if part in concerned and part is not ReloadPart.UP
                )
                self._say(f"{names} changed: starting anew, while the old ones finish: {parts}")
                await all_or_error(work)

    async def _replace_workers(self) -> None:
        """Register the job types and try one worker, at the same time, because both start an interpreter."""
        trial = asyncio.create_task(self._pool.candidate())
        try:
            await self._programs.register_types()
            first = await trial
        except CorralError as error:
            self._say(f"the changed code does not load; the workers go on with the old code:\n{error}")
            return
        finally:
            if not trial.done():
                trial.cancel()
                await asyncio.wait([trial])
        if first is not None:
            await self._pool.replace(first)
            self._say(f"{self._pool.size} worker(s) run the changed code")
