"""Follow-ups with a unique key, from kept with an outcome to stored as jobs (protocol rules 33 and 34)."""

from uuid import UUID

import structlog

from corral import metrics
from corral.actions.submissions.enqueuer import Enqueuer
from corral.job.unique import Deduplication
from corral.store.attempts.keyed_follow_ups import KeyedFollowUps

log = structlog.get_logger(__name__)


async def store_apart(store: KeyedFollowUps, enqueuer: Enqueuer, follow_up: UUID) -> bool:
    """Store one, and tell Redis; whether it was there to be stored.

    Raises:
        Unavailable: nothing was done; a Refused where somebody holds its key.
    """
    done = await store.store(follow_up)
    if done is None:
        return False
    if done.accepted is None:
        metrics.DUPLICATES.labels(done.job.type, Deduplication.REFUSED.value).inc()
        log.info("follow_up.refused", job=str(follow_up), type=done.job.type, why=done.why)
        return True
    duplicate = done.accepted.duplicate
    if duplicate is None:
        metrics.JOBS_SUBMITTED.labels(done.accepted.queue, done.job.type).inc()
    else:
        metrics.DUPLICATES.labels(done.job.type, duplicate.what.value).inc()
    if duplicate is None or duplicate.what is Deduplication.REPLACED:
        enqueuer.accepted([done.accepted])
    return True
