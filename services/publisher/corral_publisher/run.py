"""Starts a publisher: checks the settings and the schema, and opens the socket that its processes share."""

import asyncio
import functools
import socket

import structlog

from corral import logs
from corral.errors import CorralError, waiting_helps
from corral.process.status_server import listen
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app
from corral_publisher.processes.server import Publisher

log = structlog.get_logger(__name__)

EXIT_REFUSED = 3
"""The exit code when the database's schema is too new for this release."""


def run(bind: str | None = None, *, metrics: str | None = None, ready: int | None = None) -> int:
    """Serve until told to stop; the exit code.

    Args:
        bind: the address to listen on, in gunicorn's form; None: from the settings.
        metrics: the inherited socket for metrics, as `fd://N`; None: as the settings say.
        ready: a descriptor that gets a byte for each process that serves.
    """
    settings = Settings.load_or_exit()
    logs.configure(settings.log_level, settings.log_format)
    if (refusal := asyncio.run(_refusal(settings))) is not None:
        log.error("publisher.refused", reason=str(refusal))
        return EXIT_REFUSED
    try:
        listener = _metrics_listener(settings, metrics)
    except OSError as error:
        log.error(  # noqa: TRY400  # the reason is enough
            "publisher.no_metrics_port",
            address=f"{settings.metrics_host}:{settings.metrics_port}",
            reason=str(error),
            hint="set CORRAL_METRICS_PORT to another port, or to 0 for none",
        )
        return 1
    log.info(
        "publisher.starting",
        address=f"http://{settings.host}:{settings.port}",
        processes=settings.web_workers,
    )
    make_app = functools.partial(create_app, metrics_listener=listener, ready=ready)
    Publisher(settings, make_app, bind).run()
    return 0


def _metrics_listener(settings: Settings, inherited: str | None) -> socket.socket | None:
    """The socket for metrics; None where metrics are off.

    All processes of this publisher share it. Whichever is asked adds up what all have written.

    Raises:
        OSError: the address is taken.
    """
    if inherited is not None:
        return socket.socket(fileno=int(inherited.removeprefix("fd://")))
    return listen(settings.metrics_host, settings.metrics_port) if settings.metrics_port else None


async def _refusal(settings: Settings) -> CorralError | None:
    """Why this release can't work with this database; None also where the database is away, for which processes wait."""
    store = Store.from_settings(settings, application_name="corral publisher", pool_size=1)
    try:
        await store.schema.check()
    except CorralError as error:
        return None if waiting_helps(error) else error
    finally:
        await store.close()
    return None
