"""The duties in a process of their own."""

import argparse
import asyncio
import signal

import structlog
import uvloop
from prometheus_client import start_http_server

from corral import logs
from corral.dispatch import Dispatch
from corral.errors import SchemaMismatch, Unavailable
from corral.maintenance.run import run
from corral.settings import Settings
from corral.startup import say_ready
from corral.store import Store
from corral.waiting import wait_for_event

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0


async def serve(settings: Settings, ready: int | None = None) -> None:
    """Wait until the schema fits, then stand for leadership until SIGTERM or SIGINT.

    `ready`: a descriptor that gets a byte then.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = Store.from_settings(settings, application_name="corral maintenance", direct=True)
    dispatch = Dispatch.open(settings.redis_url)
    try:
        await fitting_schema(store, stop)
        if ready is not None:
            say_ready(ready)
        await run(store, dispatch, settings, stop)
    finally:
        await dispatch.close()
        await store.close()


async def fitting_schema(store: Store, stop: asyncio.Event) -> None:
    """Wait while a migration may be on its way, or Postgres (protocol rule 29).

    Raises:
        SchemaMismatch: waiting does not help.
    """
    while not stop.is_set():
        try:
            await store.schema.check()
        except (SchemaMismatch, Unavailable) as error:
            if isinstance(error, SchemaMismatch) and not error.wait:
                raise
            log.warning("maintenance.waiting", reason=str(error))
        else:
            return
        await wait_for_event(stop, LOOK_SECONDS)


def serve_metrics(settings: Settings) -> None:
    """Answer Prometheus from a thread; a port that is taken costs the metrics, not the duties."""
    if not settings.metrics_port:
        return
    try:
        start_http_server(settings.metrics_port, settings.metrics_host)
    except OSError as error:
        log.warning("metrics.not_served", port=settings.metrics_port, error=str(error))


def main() -> None:
    """Read the settings, then serve."""
    parser = argparse.ArgumentParser(prog="corral.maintenance", description="The duties, from the settings.")
    parser.add_argument(
        "--ready", metavar="N", type=int, help="write a byte to this descriptor when it stands for the duties"
    )
    ready = parser.parse_args().ready
    settings = Settings.load_or_exit()
    logs.configure(settings.log_level, settings.log_format)
    serve_metrics(settings)
    try:
        uvloop.run(serve(settings, ready))
    except SchemaMismatch as error:
        raise SystemExit(f"corral: {error}") from error
