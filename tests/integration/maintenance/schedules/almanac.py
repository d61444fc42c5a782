"""Schedules with the duty that submits their jobs, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from corral.actions.schedules.schedules import ScheduleActions
from corral.actions.submissions.submit import Submitter
from corral.catalog import job_type
from corral.dispatch import Dispatch
from corral.job.job import ListedJob
from corral.maintenance.duties.schedules import ScheduleDuty
from corral.maintenance.leadership import Reign
from corral.settings import Settings
from corral.store import Store
from corral.store.schedules.rows import Schedule
from corral_jobs import demo


class Night(BaseModel):
    """A payload that needs the tick."""

    at: datetime
    depth: int = 1


night = job_type("test.night", payload=Night, queue="email")
EVERY_DAY: dict[str, Any] = {"type": demo.echo.name, "queue": "demo", "interval": 86_400}


class Almanac:
    """Schedules, their duty, and a database whose ticks come when the test says so."""

    def __init__(
        self, store: Store, dispatch: Dispatch, settings: Settings, submitter: Submitter, reign: Reign
    ) -> None:
        self.store, self.reign = store, reign
        self.actions = ScheduleActions(store, submitter)
        self.duty = ScheduleDuty(store, dispatch, settings)

    async def create(self, name: str = "nightly", **fields: Any) -> Schedule:
        return await self.actions.create(name, EVERY_DAY | fields, "ann")

    async def back(self, name: str = "nightly", *, seconds: float = 1.0, ticks: int = 1) -> datetime:
        """Let the last `ticks` ticks have come, the newest of them `seconds` ago; it is returned."""
        now = await self.store.schedules.now()
        schedule = await self.store.schedules.get(name)
        every = timedelta(seconds=schedule.fields["interval"])
        newest = now - timedelta(seconds=seconds)
        start = newest - (ticks + 500) * every
        await self.store.database.run(
            """UPDATE corral.schedules SET overrides = json_build_object('start', %(start)s::text),
               last_tick = %(last)s, due_at = %(due)s, revision = revision + 1 WHERE name = %(name)s""",
            {
                "name": name,
                "start": start.isoformat(),
                "last": newest - ticks * every,
                "due": newest - (ticks - 1) * every,
            },
        )
        return newest

    async def round(self) -> int:
        async with self.duty as duty:
            return await duty.round(self.reign)

    async def jobs(self) -> list[ListedJob]:
        return (await self.store.jobs.page(limit=10_000)).items

    async def verdicts(self, name: str = "nightly") -> list[str]:
        far = datetime(2100, 1, 1, tzinfo=UTC)
        return [tick.verdict for tick in reversed(await self.store.ticks.page(name, far, 100))]

    async def get(self, name: str = "nightly") -> Schedule:
        return await self.store.schedules.get(name)
