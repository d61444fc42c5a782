"""Runs the whole system on one machine: servers, schema, job types, publisher, maintenance and workers."""

import asyncio
import itertools
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import httpx2

from corral.dispatch import Dispatch
from corral.errors import CorralError
from corral.http_client.http_calls import NO_AUTHORITIES
from corral.store import Store
from corral.store.migrations import upgrade
from corral.waiting import all_or_error
from corral_local.access import admin_key, sign_in_link
from corral_local.errors import NotReady
from corral_local.home import Home
from corral_local.plan import Plan
from corral_local.pool.pool import LocalWorkerPool
from corral_local.pool.reporter import PoolReporter
from corral_local.pool.roster import StoreRoster
from corral_local.pool.scaler import LocalScaler
from corral_local.ports import free_ports, listen
from corral_local.processes.code_reload import CodeReload
from corral_local.processes.code_watch import CodeWatch
from corral_local.processes.processes import ServerProcess, SupervisedProcess, to_the_end
from corral_local.processes.programs import SINK_HOST, Programs
from corral_local.processes.service import Service
from corral_local.processes.supervisor import Say, Supervisor
from corral_local.servers.postgres import EmbeddedPostgres
from corral_local.servers.valkey import EmbeddedValkey
from corral_local.status import LocalStatus, Ready

READY_SECONDS = 90.0
"""Seconds that everything may take to become ready, on a slow machine."""
POLL_SECONDS = 0.05
"""Seconds between two checks whether the publisher is ready."""
ROUND_SECONDS = 1.0
SERVER_GRACE_SECONDS = 20.0
LOG_CHECK_ROUNDS = 10
"""Rounds, of a second each, between two rotations of the logs."""
GRACE_MARGIN_SECONDS = 5.0
"""Seconds that a service may take to stop beyond its own grace."""


class LocalSystem:
    """One `corral up`. `run` returns when cancelled, after everything has stopped."""

    def __init__(
        self, plan: Plan, say: Say, ready: Callable[[Ready], None], show: Callable[[LocalStatus], None]
    ) -> None:
        self._plan, self._say, self._ready, self._show = plan, say, ready, show
        self._home = Home(plan.data)
        self._supervisor = Supervisor(say, self._write_down)
        self._servers: list[ServerProcess] = []
        self._pool: LocalWorkerPool | None = None
        self._services: tuple[Service, ...] = ()
        self._listener: socket.socket | None = None
        self._metrics: socket.socket | None = None
        self._sink: socket.socket | None = None
        self._database_url = plan.settings.direct_url
        self._redis_url = plan.settings.redis_url
        self._telling: set[asyncio.Task[None]] = set()
        self._grace = plan.settings.grace + GRACE_MARGIN_SECONDS
        self._began = time.monotonic()

    async def run(self) -> None:
        """Start everything, keep it running, and stop it when cancelled.

        Raises:
            CorralError: something could not start, or a process kept ending; everything is stopped then.
        """
        self._home.hold()
        try:
            await self._unless_given_up(self._run())
        finally:
            await self._stop()
            self._home.release()

    def hurry(self) -> None:
        """Stop everything at once, without waiting for what still runs."""
        for kept in self._supervisor.kept:
            kept.kill()

    async def _run(self) -> None:
        for note in self._plan.notes:
            self._say(note)
        self._home.prune_logs()
        left = await to_the_end(self._home.end_leftovers)
        if left:
            self._say(f"ended processes that a killed run left behind: {', '.join(left)}")
        self._listener = listen(self._plan.settings.host, self._plan.port)
        await self._start_servers()
        self._say("bringing the schema up to date")
        await to_the_end(lambda: upgrade(self._database_url, schema=self._plan.settings.schema))
        store = Store.from_settings(
            self._plan.settings, application_name="corral up", pool_size=2, url=self._database_url
        )
        dispatch = Dispatch.open(self._redis_url)
        try:
            await self._serve(store, dispatch, self._listener)
        finally:
            await dispatch.close()
            await store.close()

    async def _serve(self, store: Store, dispatch: Dispatch, listener: socket.socket) -> None:
        plan = self._plan
        sink = self._sink = listen(SINK_HOST, next(free_ports())) if plan.settings.smtp_host is None else None
        programs = Programs(
            plan,
            self._home,
            self._database_url,
            self._redis_url,
            sink_port=None if sink is None else sink.getsockname()[1],
        )
        roster = await StoreRoster.begin(store)
        pool = self._pool = LocalWorkerPool(
            programs.worker, self._supervisor, roster, self._say, grace=self._grace
        )
        first = 1 if plan.workers is None else plan.workers
        self._say(f"starting the publisher on {plan.url}, maintenance and {first} worker(s)")
        publisher, maintenance = self._services = self._made_services(programs, listener)
        starting = [programs.register_types(), publisher.start(), maintenance.start(), pool.scale(first)]
        if sink is not None:
            starting.append(self._supervisor.keep(programs.mail_sink(sink.fileno())))
        await asyncio.gather(*starting)
        key = await admin_key(store, self._home, plan.url)
        await self._wait_until_ready(pool, key)
        link = await sign_in_link(store, plan.url)
        self._ready(Ready(plan.url, link, key, time.monotonic() - self._began))
        scaler = LocalScaler(plan, programs.slots_of_queues(await store.types.all()))
        pool_reporter = PoolReporter(dispatch, scaler.pool, plan.settings.queues)
        self._supervisor.died = partial(self._tell_exit, pool, pool_reporter)
        work = [self._scale(pool, dispatch, scaler, pool_reporter)]
        if plan.reload:
            watch = CodeWatch(plan.folder, programs.packages())
            reload = CodeReload(
                watch, programs, pool, publisher=publisher, maintenance=maintenance, say=self._say
            )
            work += [watch.run(), reload.run()]
        await all_or_error(work)

    async def _start_servers(self) -> None:
        """Start Postgres and Valkey at the same time, those of them that are embedded."""
        data, plan = self._home.folder, self._plan
        postgres, valkey = EmbeddedPostgres(data / "postgres"), EmbeddedValkey(data / "valkey")
        self._servers = [
            ServerProcess(s)
            for s, ours in ((postgres, plan.embeds_postgres), (valkey, plan.embeds_redis))
            if ours
        ]
        self._say(
            f"starting {' and '.join(s.name for s in self._servers)} in {data}"
            if self._servers
            else "using your servers"
        )
        await asyncio.gather(*(self._supervisor.keep(server) for server in self._servers))
        if plan.embeds_postgres:
            self._database_url = postgres.url
        if plan.embeds_redis:
            self._redis_url = valkey.url

    async def _stop(self) -> None:
        """Stop what was started: first all services at the same time, then the servers."""
        for listener in (self._listener, self._metrics, self._sink):
            if listener is not None:
                listener.close()
        if self._pool is not None:
            await self._pool.close()
        left = [asyncio.ensure_future(service.left()) for service in self._services]
        leaving = [program for service in self._services for program in service.leaving]
        services = [
            kept for kept in self._supervisor.kept if kept not in self._servers and kept not in leaving
        ]
        if services:
            self._say(
                f"stopping; jobs may finish within {self._grace - GRACE_MARGIN_SECONDS:g} s (Ctrl-C again: at once)"
            )
        for group, grace in ((services, self._grace), (self._servers, SERVER_GRACE_SECONDS)):
            await asyncio.gather(
                *left, *(self._supervisor.let_go(kept, grace) for kept in group), return_exceptions=True
            )
        for service in self._services:
            service.close()

    async def _wait_until_ready(self, pool: LocalWorkerPool, key: str) -> None:
        """Wait until this system's publisher serves (it accepts the key), and a worker has registered."""
        deadline = time.monotonic() + READY_SECONDS
        publisher = next(kept for kept in self._supervisor.kept if kept.name == "publisher")
        ours = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(
            base_url=self._plan.url, timeout=2.0, trust_env=False, verify=NO_AUTHORITIES
        ) as http:
            while time.monotonic() < deadline:
                with suppress(httpx2.TransportError):
                    ready = (await http.get("/readyz")).is_success
                    ready = ready and (await http.get("/api/v1/workers", headers=ours)).is_success
                    if ready and (not pool.size or await pool.ready()):
                        return
                await asyncio.sleep(POLL_SECONDS)
        raise NotReady("the system", READY_SECONDS, publisher.log.path, publisher.tail())

    def _tell_exit(self, pool: LocalWorkerPool, pool_reporter: PoolReporter, kept: SupervisedProcess) -> None:
        """Report how a worker's process ended by itself, for the errors of its jobs."""
        if kept.name in pool.names or kept.name in pool.leaving:
            told = asyncio.create_task(pool_reporter.tell_exit(kept.name, kept.exit_code))
            self._telling.add(told)
            told.add_done_callback(self._telling.discard)

    async def _scale(
        self, pool: LocalWorkerPool, dispatch: Dispatch, scaler: LocalScaler, pool_reporter: PoolReporter
    ) -> None:
        """Once a second: read the signal, scale by the law, report and show it."""
        for second in itertools.count():
            if second % LOG_CHECK_ROUNDS == 0:
                self._supervisor.rotate_logs()
            try:
                signal = await dispatch.backlog.read()
            except CorralError:
                signal = None  # the law holds; the supervisor says what is wrong with the server
            scaled = scaler.next(signal, pool.size, time.monotonic())
            if scaled.workers != pool.size:
                self._say(f"workers {scaled.reason}")
                await pool.scale(scaled.workers)
            await pool_reporter.tell(scaled, pool.names, pool.leaving)
            restarts = self._supervisor.restarts()
            self._show(LocalStatus(scaled.queues, pool.size, len(pool.leaving), restarts, scaled.reason))
            await asyncio.sleep(ROUND_SECONDS)

    def _made_services(self, programs: Programs, listener: socket.socket) -> tuple[Service, Service]:
        """Make the publisher and maintenance, without starting them."""
        metrics = None
        if self._plan.metrics_port:
            metrics = self._metrics = listen(self._plan.settings.metrics_host, self._plan.metrics_port)
        publisher = partial(
            programs.publisher,
            listener=listener.fileno(),
            metrics=None if metrics is None else metrics.fileno(),
        )
        supervisor, say, grace = self._supervisor, self._say, self._grace
        answering = self._plan.settings.web_workers
        return (
            Service("publisher", publisher, supervisor, say, processes=answering, grace=grace, spare=True),
            Service("maintenance", programs.maintenance, supervisor, say, processes=1, grace=grace),
        )

    async def _unless_given_up(self, work: Coroutine[None, None, None]) -> None:
        """Do the work until it ends, or until a process kept ending.

        Raises:
            KeepsDying: a process kept ending.
        """
        task = asyncio.create_task(work)
        try:
            both: set[asyncio.Future[Any]] = {task, self._supervisor.gave_up}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if self._supervisor.gave_up.done():
            raise self._supervisor.gave_up.result()
        task.result()

    def _write_down(self) -> None:
        self._home.record(self._plan.url, self._supervisor.kept)
