"""The handlers of `notification.send` and `notification.digest`."""

import asyncio
import json
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid5

from corral.context import BatchJob, Context
from corral.errors import Discard, InvalidInput
from corral.ids import time_of
from corral_jobs.notification.declaration import digest, notify
from corral_jobs.notification.digest import DigestedNotification, DigestSent
from corral_jobs.notification.notification import Notification, NotificationSent
from corral_jobs.notification.sending import Said, Sending, Tried
from corral_jobs.notification.texts import Item, digest_of, item_of

DigestJob = BatchJob[DigestedNotification]


class Part(NamedTuple):
    """A job of a digest, and what it adds to the message."""

    job: DigestJob
    item: Item


@notify.handler
async def do_notify(notification: Notification, ctx: Context) -> NotificationSent:
    """Tell the first who takes it. Templates are rendered before anything is sent, so that a wrong one tells nobody."""
    try:
        item = item_of(notification)
    except InvalidInput as error:
        raise _can_not_be_made(error) from error
    at = time_of(ctx.job_id)
    said = Said(str(ctx.job_id), at, item.title, item.message, {"data": item.data})
    sending = Sending([ctx], notification.targets, notification.tries)
    return await sending.send(said, Tried.of(ctx.checkpointed))


@digest.handler
async def do_digest(jobs: Sequence[DigestJob]) -> None:
    """Tell each recipient all that it is to be told, in one message. One that fails harms no other."""
    messages: dict[str, list[Part]] = {}
    for job in jobs:
        try:
            part = Part(job, item_of(job.payload))
        except InvalidInput as error:
            job.fail(_can_not_be_made(error))
        else:
            messages.setdefault(_message_key(job), []).append(part)
    await asyncio.gather(*(_send(parts) for parts in messages.values()))


def _message_key(job: DigestJob) -> str:
    """The same for jobs that go in one message: to the same, written alike, and as far as each other in trying."""
    asked = job.payload
    tried = Tried.of(job.context.checkpointed).json()
    return json.dumps([asked.targets, asked.tries, asked.digest.model_dump(), tried])


async def _send(parts: Sequence[Part]) -> None:
    """Send one message for all of the jobs that are still wanted; each of them ends with what became of it."""
    for job, _ in parts:
        if job.cancelled:
            job.fail(Discard("it was cancelled before its message was sent"))
    kept = sorted((part for part in parts if not part.job.ended), key=lambda part: part.job.id)
    if not kept:
        return
    first = kept[0].job
    sending = Sending([job.context for job, _ in kept], first.payload.targets, first.payload.tries)
    try:
        said = _said(kept)
        sent = await sending.send(said, Tried.of(first.context.checkpointed))
    except Exception as error:  # noqa: BLE001  # an error of this message is not one of another
        for job, _ in kept:
            job.fail(error)
        return
    result = DigestSent(**sent.model_dump(), count=len(kept), message_id=UUID(said.id))
    # Written first: if the worker is lost amid this, nothing points at a mail that does not exist.
    for job, _ in sorted(kept, key=lambda part: part.job.context is not sending.announcer):
        job.succeed(result)


def _said(parts: Sequence[Part]) -> Said:
    """The one text of these jobs. Raises Discard: a template of the digest is wrong."""
    first = parts[0].job
    try:
        title, message = digest_of([item for _, item in parts], first.payload.digest, first.payload.to)
    except InvalidInput as error:
        raise _can_not_be_made(error) from error
    items = [{"job": str(job.id), **item.json} for job, item in parts]
    made = str(message_id([job.id for job, _ in parts]))
    return Said(made, time_of(first.id), title, message, {"items": items})


def message_id(jobs: Sequence[UUID]) -> UUID:
    """Of the message of these jobs: the same in every attempt, another once one of them was cancelled meanwhile."""
    return uuid5(jobs[0], " ".join(map(str, jobs)))


def _can_not_be_made(error: InvalidInput) -> Discard:
    return Discard(f"the notification can't be made: {error}")
