"""Starting a publisher: what must be right before it serves, and what all its processes share."""

import asyncio
import functools

import structlog

from corral import logs
from corral.errors import CorralError, SchemaMismatch
from corral.settings import Settings
from corral.store import Store
from corral_publisher import metrics_port
from corral_publisher.app import create_app
from corral_publisher.server import Publisher

log = structlog.get_logger(__name__)

EXIT_REFUSED = 3
"""The database belongs to a release that this one can't work with."""


def run(bind: str | None = None, *, metrics: str | None = None, ready: int | None = None) -> int:
    """Serve until told to stop; the exit code.

    Args:
        bind: where, in gunicorn's words; None: as the settings say.
        metrics: the inherited socket for metrics, as `fd://N`; None: as the settings say.
        ready: a descriptor that gets a byte for each process that serves.
    """
    settings = Settings.load_or_exit()
    logs.configure(settings.log_level, settings.log_format)
    if (refusal := asyncio.run(_refusal(settings))) is not None:
        log.error("publisher.refused", reason=str(refusal))
        return EXIT_REFUSED
    try:
        listener = (
            metrics_port.bind(settings.metrics_host, settings.metrics_port)
            if metrics is None
            else metrics_port.inherited(metrics)
        )
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


async def _refusal(settings: Settings) -> CorralError | None:
    """Why this release must not work with this database; an absent one is waited for later."""
    store = Store.from_settings(settings, application_name="corral publisher", pool_size=1)
    try:
        await store.schema.check()
    except SchemaMismatch as error:
        return None if error.wait else error
    except CorralError:
        return None
    finally:
        await store.close()
    return None
