"""Starts a worker: `python -m corral_worker`."""

import asyncio
import faulthandler
import sys
from typing import TypedDict, Unpack

import structlog

from corral import logs
from corral.catalog import Catalog
from corral.catalog.catalog import handling_modules
from corral.errors import DeclarationError, SchemaMismatch
from corral.process.garbage_collection import collect_less_often
from corral.process.status_server import serve_metrics
from corral.settings import Settings
from corral_worker.lifecycle import exit_code
from corral_worker.own_process import own_process, runner

log = structlog.get_logger(__name__)


class Timings(TypedDict, total=False):
    """Times of a worker that tests make shorter, in seconds."""

    abandon_seconds: float
    poll_seconds: float


def main(**timings: Unpack[Timings]) -> int:
    """Run one worker until it is told to stop; the process's exit code."""
    settings = Settings.load_or_exit()
    logs.configure(settings.log_level, settings.log_format, apart=True)
    if not settings.worker_enabled:
        log.info("worker.disabled", hint="CORRAL_WORKER_ENABLED is false: this worker ends at once")
        return 0
    faulthandler.enable()  # a crash says which code it was in
    own_process.watch()
    try:
        mail = settings.smtp_host is not None
        modules = handling_modules(settings.jobs, settings.handlers, demo=settings.demo_jobs, mail=mail)
        catalog = Catalog.load(modules)
        serve_metrics(settings.metrics_host, settings.metrics_port)
        from corral_worker.worker import Worker  # noqa: PLC0415  # a wrong declaration is told before the rest is imported

        collect_less_often()
        worker = Worker(settings, catalog, **timings)
    except (DeclarationError, SchemaMismatch) as error:
        log.critical("worker.refused", error=str(error))
        return exit_code.CONFIG
    try:
        code = runner.run(worker.run(), _loop_class())
    except (DeclarationError, SchemaMismatch) as error:
        log.critical("worker.refused", error=str(error))
        code = exit_code.CONFIG
    except BaseException:
        # Whatever handlers made of the loop: this process ends, and another one takes its place.
        log.critical("worker.broken", exc_info=True)
        runner.leave_now(exit_code.BROKEN)
    return runner.leave(code)


def _loop_class() -> type[asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop
    import uvloop  # noqa: PLC0415  # not everywhere

    return uvloop.Loop
