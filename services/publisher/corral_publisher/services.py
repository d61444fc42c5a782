"""The services that requests use, opened once per process and closed with it."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
from starlette.requests import HTTPConnection

from corral import metrics
from corral.actions.access.api_keys import KeyActions
from corral.actions.access.sign_in import SignIn
from corral.actions.access.throttle import Throttle
from corral.actions.artifact_place import warn_where_away
from corral.actions.feed_imports import FeedImports
from corral.actions.jobs import JobActions
from corral.actions.limits.limits import LimitActions
from corral.actions.limits.program_slots import ProgramSlots
from corral.actions.providers import ProviderActions
from corral.actions.queues import QueueActions
from corral.actions.schedules.schedules import ScheduleActions
from corral.actions.servers import Servers
from corral.actions.submissions.load_test import LoadTests
from corral.actions.submissions.submit import Submitter
from corral.actions.submissions.traced_submitter import submitter_class
from corral.actions.submissions.type_cache import TypeCache
from corral.actions.types import TypeActions
from corral.actions.webhooks import WebhookActions
from corral.actions.why.why import Why
from corral.dispatch import Dispatch
from corral.errors import CorralError, SchemaMismatch, Unavailable
from corral.settings import Settings
from corral.settings.caller_rate import CallerRate
from corral.store import Store
from corral_publisher.processes.maintenance import Maintenance
from corral_publisher.responses.broadcast import Broadcast
from corral_publisher.responses.waiters import READ_SECONDS, Waiters
from corral_publisher.views.counts import CachedCounts
from corral_publisher.views.pools import PoolBoard

log = structlog.get_logger(__name__)

RESTART_SECONDS = 1.0
GIVE_UP_SECONDS = 5.0
"""Seconds that a stopping process has to give its leadership up."""


class PublisherServices:
    """Store, dispatch and actions for the routes of a publisher, opened once per process."""

    def __init__(self, settings: Settings, *, read_seconds: float = READ_SECONDS) -> None:
        """`read_seconds`: as `Waiters` take it."""
        self.settings = settings
        self.store = Store.from_settings(settings, application_name="corral publisher")
        self.dispatch = Dispatch.open(settings.redis_url)
        self.types = TypeCache(self.store, settings.installation_options)
        self.servers = Servers(self.store, self.dispatch)
        self.submitter: Submitter = submitter_class().configured(
            settings, self.store, self.dispatch, self.types, self.servers
        )
        self.imports = FeedImports(self.store, self.submitter)
        self.webhooks = WebhookActions(self.store)
        self.loads = LoadTests(self.submitter, self.store.audit)
        self.jobs = JobActions(self.store, self.dispatch)
        self.queues = QueueActions(self.store, self.dispatch, self.types)
        self.limits = LimitActions(self.store)
        self.program_slots = ProgramSlots(self.store, self.dispatch)
        self.providers = ProviderActions(self.store)
        self.type_actions = TypeActions(self.store, self.types)
        self.schedules = ScheduleActions(self.store, self.submitter)
        self.why = Why(self.store, self.dispatch, self.types, self.servers)
        self.counts = CachedCounts(self.store)
        self.pools = PoolBoard(self.store, self.dispatch)
        self.keys = KeyActions(self.store)
        self.sign_in = SignIn(self.store)
        self.request_throttle = self._throttle("requests", settings.api_rate)
        self.job_throttle = self._throttle("jobs", settings.api_job_rate)
        self.waiters = Waiters(
            self.store, self.dispatch, limit=settings.max_waiters, read_seconds=read_seconds
        )
        self.broadcast = Broadcast(self.dispatch)
        self.maintenance = Maintenance(settings) if settings.maintenance_enabled else None
        self.stopping = asyncio.Event()
        self.unready: CorralError | None = Unavailable("postgres", "its schema was not checked yet")
        """Why requests are turned away; None when they are served (protocol rule 29)."""
        self._tasks: list[asyncio.Task[None]] = []
        self._duties: asyncio.Task[None] | None = None

    def _throttle(self, name: str, rate: str | None) -> Throttle | None:
        return None if rate is None else Throttle(self.dispatch.caller_rates, name, CallerRate.of(rate))

    def start(self) -> None:
        """Start the tasks that run beside requests."""
        beside: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = [
            ("waiters", self.waiters.run),
            ("broadcast", self.broadcast.run),
            ("pools", self.pools.run),
            ("artifacts", partial(warn_where_away, self.store)),
        ]
        self._tasks = [asyncio.create_task(_for_ever(name, run), name=name) for name, run in beside]
        self._tasks.append(asyncio.create_task(self._serve_when_the_schema_fits(), name="schema"))

    async def wait_until_ready(self, seconds: float) -> None:
        """Return when requests can be served, or after `seconds`. The wait for the schema goes on in the background."""
        await asyncio.wait([task for task in self._tasks if task.get_name() == "schema"], timeout=seconds)

    async def close(self) -> None:
        """Finish commits under way, hand jobs over, close connections."""
        self.stopping.set()
        if self.maintenance is not None and self._duties is not None:
            self.maintenance.close()
            await asyncio.wait([self._duties], timeout=GIVE_UP_SECONDS)
            self._tasks.append(self._duties)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.submitter.close()
        await self.dispatch.close()
        await self.store.close()

    async def _serve_when_the_schema_fits(self) -> None:
        try:
            fits = await self.store.schema.wait_until_it_fits(self.stopping, self._turn_away)
        except SchemaMismatch as error:
            self._turn_away(error)
            return
        if not fits:
            return
        self.unready = None
        log.info("publisher.ready")
        if self.maintenance is not None:
            self._duties = asyncio.create_task(
                _for_ever("maintenance", self.maintenance.run), name="maintenance"
            )

    def _turn_away(self, error: CorralError) -> None:
        self.unready = error
        log.warning("publisher.unready", reason=str(error))


def services_of(connection: HTTPConnection) -> PublisherServices:
    """The services, where the schema fits.

    Raises:
        SchemaMismatch, Unavailable: requests can't be served yet.
    """
    services: PublisherServices = connection.app.state.services
    if services.unready is not None:
        raise services.unready
    return services


async def _for_ever(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a task to its end, and again after each error."""
    while True:
        try:
            await run()
        except Exception:
            metrics.SWALLOWED.labels(name).inc()
            log.exception("publisher.restarted_part", part=name)
        else:
            return
        await asyncio.sleep(RESTART_SECONDS)
