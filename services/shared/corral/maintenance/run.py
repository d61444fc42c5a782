"""Runs maintenance: be a candidate for leadership, do the duties while leading, give leadership up at the end."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.errors import LeaseLost
from corral.maintenance import leadership
from corral.maintenance.due_work import DueWorkDuty
from corral.maintenance.duties.backlog_signal import BacklogSignalDuty
from corral.maintenance.duties.expire import Expire
from corral.maintenance.duties.feeds import FeedDuty
from corral.maintenance.duties.housekeeping import Fold, Orphans, RetentionDuty
from corral.maintenance.duties.limit_evaluation import EvaluateLimits
from corral.maintenance.duties.limits import KeepLimits
from corral.maintenance.duties.mail_hold import MailHold
from corral.maintenance.duties.pauses import Pauses
from corral.maintenance.duties.pools import PoolDuties
from corral.maintenance.duties.promote import Promote
from corral.maintenance.duties.reclaim import Reclaim
from corral.maintenance.duties.rq_mirror import RqMirror
from corral.maintenance.duties.schedules import ScheduleDuty
from corral.maintenance.duties.sweep import Sweep
from corral.maintenance.duties.transaction_jobs import HandOverTransactionJobs
from corral.maintenance.duties.unique_keys import KeepUniqueKeys
from corral.maintenance.duties.webhooks import WebhookDuty
from corral.maintenance.duty import Duty, DutyReport, perform
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.maintenance.status import StatusDuty
from corral.settings import Settings
from corral.store import Store

log = structlog.get_logger(__name__)

AFTER_A_BUG_SECONDS = 5.0
T = TypeVar("T")
Roster = Callable[[dict[str, DutyReport]], Sequence[Duty]]
"""Makes new duties for one reign, so that none uses observations of an earlier one. It gets their reports."""


async def run(store: Store, dispatch: Dispatch, settings: Settings, stop: asyncio.Event) -> None:
    """Be a candidate, and the leader when elected, until `stop` is set. It goes on while Postgres or Redis is away.

    End it with `stop`, because only then it releases the lease, so that another process can lead at once.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    candidate = LeaderCandidate(store.leases, holder)

    def roster(reports: dict[str, DutyReport]) -> Sequence[Duty]:
        duties: list[Duty] = [
            Promote(store, dispatch),
            ScheduleDuty(store, dispatch, settings),
            Reclaim(store, dispatch, lease=settings.lease),
            Sweep(store, dispatch),
            HandOverTransactionJobs(store, dispatch),
            KeepLimits(store, dispatch),
            KeepUniqueKeys(store, dispatch),
            EvaluateLimits(store, dispatch, settings.installation_options),
            Expire(store, dispatch),
            Pauses(store, dispatch),
            MailHold(store, dispatch, sends=settings.smtp_host is not None),
            BacklogSignalDuty(store, dispatch),
            PoolDuties(store, dispatch),
            WebhookDuty(store, dispatch, settings),
            FeedDuty(store, dispatch, settings),
            Fold(store),
            RetentionDuty(
                store,
                settings.installation_options,
                audit_days=settings.audit_days,
                feed_import_days=settings.feed_import_days,
                feed_item_days=settings.feed_item_days,
            ),
            Orphans(store, dispatch),
            RqMirror(store, dispatch, wanted=settings.rq_compat == "full"),
            StatusDuty(dispatch, holder, reports),
        ]
        return [*duties, DueWorkDuty(store, duties)]

    while not stop.is_set():
        try:
            reign = await _unless(stop, candidate.elected(stop))
            if reign is not None:
                await lead(reign, roster, stop)
        except Exception:
            metrics.SWALLOWED.labels("maintenance").inc()
            log.exception("maintenance.broken", again_in=AFTER_A_BUG_SECONDS)
            await _unless(stop, asyncio.sleep(AFTER_A_BUG_SECONDS))


async def lead(
    reign: Reign,
    roster: Roster,
    stop: asyncio.Event,
    *,
    renew_seconds: float = leadership.RENEW_SECONDS,
    silence_seconds: float = leadership.SILENCE_SECONDS,
) -> None:
    """Do all duties at once until another leads or `stop` is set."""
    reports: dict[str, DutyReport] = {}
    duties = roster(reports)
    reports |= {duty.name: DutyReport(duty.period) for duty in duties}
    tasks = [
        asyncio.create_task(stop.wait(), name="stop"),
        asyncio.create_task(reign.keep(renew_seconds, silence_seconds), name="leadership"),
        *(asyncio.create_task(perform(duty, reign, reports[duty.name]), name=duty.name) for duty in duties),
    ]
    metrics.LEADER.set(1)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        metrics.LEADER.set(0)
        reign.over.set()
        for task in tasks:
            task.cancel()
        endings = await asyncio.gather(*tasks, return_exceptions=True)
    for ending in endings:
        if isinstance(ending, LeaseLost):
            log.warning("leadership.lost", term=reign.term.term)
            return
        if isinstance(ending, Exception):
            raise ending
    await reign.give_up()
    log.info("leadership.given_up", term=reign.term.term)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`; None where `stop` was set first and `work` was cancelled."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
