"""Starts the operator: `python -m corral_operator`."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

import structlog

from corral import logs
from corral.dispatch import Dispatch
from corral_operator.cluster.api import Api, NoCluster
from corral_operator.cluster.cluster import Cluster
from corral_operator.cluster.lease import Lease
from corral_operator.cluster.pool_selector import PoolSelector
from corral_operator.cluster.pool_watch import PoolWatch, quieten
from corral_operator.cluster.pools import PoolIndex
from corral_operator.cluster.schema import OldSchema, check
from corral_operator.reconcile import Reconciler
from corral_operator.reports.health import serve
from corral_operator.settings import OperatorSettings

log = structlog.get_logger(__name__)

EXIT_REFUSED = 78
"""The exit code for an error that only a person can mend. Source: sysexits.h, EX_CONFIG."""


def main() -> int:
    """Run until told to stop; returns the process's exit code."""
    settings = OperatorSettings.load_or_exit()
    logs.configure(settings.log_level, settings.log_format)
    quieten()
    for handler in logging.getLogger().handlers:
        handler.addFilter(_without_settings)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(run(settings))
    except (NoCluster, OldSchema) as error:
        log.critical("operator.refused", error=str(error))
        return EXIT_REFUSED


async def run(settings: OperatorSettings) -> int:
    """Run the operator until SIGTERM or SIGINT.

    Raises:
        NoCluster: neither a service account nor KUBECONFIG names a cluster.
        OldSchema: the cluster's definition of WorkerPool is too old.
    """
    api = await Api.open()
    dispatch = Dispatch.open(settings.redis_url)
    cluster = Cluster(api, settings.namespace)
    pools = PoolIndex(PoolSelector.of(settings.pool_selector))
    lease = Lease(cluster, settings.operator_lease, settings.operator_name)
    rounds = Reconciler(cluster, dispatch, lease, pools)
    watch = PoolWatch(settings.namespace, settings.operator_name, pools.seen)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = serve(settings.metrics_host, settings.metrics_port, rounds.age)
    try:
        if not await _checked(cluster, rounds, stop):
            return 0
        log.info(
            "operator.starts",
            namespace=settings.namespace,
            name=settings.operator_name,
            selector=settings.pool_selector,
        )
        watch.start()
        await asyncio.gather(lease.hold(stop), rounds.run(stop))
        await watch.close()
    finally:
        server.close()
        await lease.give_back()
        await dispatch.close()
        await api.close()
    log.info("operator.stopped")
    return 0


async def _checked(cluster: Cluster, rounds: Reconciler, stop: asyncio.Event) -> bool:
    """Check the cluster's definition of WorkerPool; False where the operator was stopped meanwhile."""
    checking = asyncio.create_task(check(cluster, rounds.alive))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({checking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not checking.done():
        checking.cancel()
        return False
    await checking
    return True


def _without_settings(record: logging.LogRecord) -> bool:
    """Remove kopf's settings from its log lines: it adds all of them to each line about an object."""
    if record.name.startswith("kopf"):
        record.__dict__.pop("settings", None)
    return True


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415  # not everywhere

    return uvloop.new_event_loop
