"""Without a mail server mails are held: the queue says who holds it, and only that hold is lifted later."""

import pytest

from corral.catalog import job_type
from corral.catalog.record import declaration_of, record_of
from corral.dispatch import Dispatch
from corral.job.mail_hold import HOLDER, QUEUE
from corral.maintenance.duties.mail_hold import MailHold
from corral.maintenance.leadership import Reign
from corral.store import Store
from corral_jobs.mail import send
from corral_jobs.mail.declaration import per_domain


@pytest.fixture(autouse=True)
async def registered(store: Store) -> None:
    await store.registration.register([record_of(send)], limits=[declaration_of(per_domain)])


async def paused_by(store: Store) -> str | None:
    queue = await store.queues.get(QUEUE)
    assert queue is not None
    assert queue.paused == (queue.paused_by is not None)
    return queue.paused_by


async def test_mails_are_held_once_and_released_when_there_is_a_server(
    store: Store, dispatch: Dispatch, reign: Reign
):
    without, having = (MailHold(store, dispatch, sends=sends) for sends in (False, True))
    assert [await without.round(reign) for _ in range(2)] == [1, 0]
    assert await paused_by(store) == HOLDER
    assert [await having.round(reign) for _ in range(2)] == [1, 0]
    assert await paused_by(store) is None


async def test_a_persons_pause_stays_whether_it_came_before_or_after(
    store: Store, dispatch: Dispatch, reign: Reign
):
    without, having = (MailHold(store, dispatch, sends=sends) for sends in (False, True))
    await without.round(reign)
    await store.queues.pause(QUEUE, "ann")
    assert await having.round(reign) == 0
    assert await paused_by(store) == "ann"
    assert await without.round(reign) == 0
    assert await paused_by(store) == "ann"


async def test_a_queue_that_other_job_types_use_too_is_not_held(
    store: Store, dispatch: Dispatch, reign: Reign
):
    await MailHold(store, dispatch, sends=False).round(reign)
    await store.types.register([record_of(job_type("acme.newsletter", queue=QUEUE))])
    assert await MailHold(store, dispatch, sends=False).round(reign) == 1
    assert await paused_by(store) is None
