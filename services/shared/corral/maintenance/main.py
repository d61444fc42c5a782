"""The maintenance process: the duties, apart from a publisher."""

import argparse
import asyncio
import signal

import structlog
import uvloop

from corral import logs
from corral.dispatch import Dispatch
from corral.errors import CorralError, SchemaMismatch
from corral.maintenance.run import run
from corral.process.garbage_collection import collect_less_often
from corral.process.startup import say_ready
from corral.process.status_server import serve_metrics
from corral.settings import Settings
from corral.store import Store

log = structlog.get_logger(__name__)


async def serve(settings: Settings, ready: int | None = None) -> None:
    """Wait until the schema fits, then be a candidate for leadership until SIGTERM or SIGINT.

    `ready`: a descriptor to which a byte is written when the schema fits.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = Store.from_settings(settings, application_name="corral maintenance", direct=True)
    dispatch = Dispatch.open(settings.redis_url)
    try:
        if not await store.schema.wait_until_it_fits(stop, _waiting):
            return
        if ready is not None:
            say_ready(ready)
        await run(store, dispatch, settings, stop)
    finally:
        await dispatch.close()
        await store.close()


def _waiting(error: CorralError) -> None:
    log.warning("maintenance.waiting", reason=str(error))


def main() -> None:
    """Read the settings and run."""
    parser = argparse.ArgumentParser(
        prog="corral.maintenance", description="Corral's maintenance. It is configured by CORRAL_ settings."
    )
    parser.add_argument(
        "--ready",
        metavar="N",
        type=int,
        help="write a byte to this descriptor when the schema fits and it is a candidate for leadership",
    )
    ready = parser.parse_args().ready
    settings = Settings.load_or_exit()
    logs.configure(settings.log_level, settings.log_format)
    serve_metrics(settings.metrics_host, settings.metrics_port)
    collect_less_often()
    try:
        uvloop.run(serve(settings, ready))
    except SchemaMismatch as error:
        raise SystemExit(f"corral: {error}") from error
