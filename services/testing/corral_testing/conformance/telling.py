"""What webhooks are told exists exactly if the end of the job does: rule 38 of the protocol."""

from typing import Any
from uuid import UUID

import pytest

from corral.job.follow_up import FollowsOn
from corral.job.limit_use import LimitUse
from corral.job.outcome import Finished, Outcome
from corral.webhook.event import DELIVERY_TYPE
from corral.webhook.webhook import WebhookFields
from corral_testing.conformance.following import follow_up
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, LONG, RELEASED, SUCCEEDED, Subject
from corral_testing.values import TYPE

URL = "https://receiver.example.com/hook"


async def make_webhook(subject: Subject, name: str = "all", signed_by: str = "whsec_", **fields: Any) -> None:
    """Store a webhook."""
    await subject.store.webhooks.create(name, WebhookFields(url=URL, **fields), signed_by, "the test")


async def _told(subject: Subject, job: UUID | None = None) -> list[str]:
    """What webhooks are told of this job, or of all: `webhook: event number`."""
    found = []
    for webhook in await subject.store.webhooks.page():
        deliveries = await subject.store.webhook_history.page(webhook.name)
        found += [
            f"{webhook.name}: {one.event} {one.number}"
            for one in reversed(deliveries)
            if job in (None, one.job)
        ]
    return found


class Telling:
    """What webhooks are told of the ends of jobs."""

    @pytest.mark.parametrize("limited", [False, True], ids=["free", "limited"])
    @pytest.mark.parametrize(
        ("outcome", "event"),
        [
            (SUCCEEDED, "job.completed"),
            (EXHAUSTED, "job.failed"),
            (CANCELLED, "job.cancelled"),
            (ERRED, None),
            (RELEASED, None),
        ],
        ids=lambda value: type(value).__name__.lower() if not isinstance(value, str) else "",
    )
    async def test_the_end_of_an_attempt_tells_webhooks_if_it_ends_the_job(
        self, subject: Subject, outcome: Outcome, event: str | None, limited: bool
    ) -> None:
        await make_webhook(subject)
        worker = await subject.worker()
        if limited:
            await subject.declare("one", {"total": 1})
            use = LimitUse("one")
            id = await subject.submit(uses=[use])
            assert await subject.claim_groups(worker, (use,)) == [id]
        else:
            id = await subject.submit()
            await subject.running(worker, id)
        item = Finished(id, 1, outcome, limited=limited)
        for _ in range(2):  # the second is a repeat after a lost answer
            await subject.store.attempts.finish(worker, [item], webhooks=True)
        assert await _told(subject, id) == ([f"all: {event} 1"] if event else [])

    async def test_whatever_ends_a_job_tells_webhooks(self, subject: Subject) -> None:
        await make_webhook(subject)
        store, term = subject.store, await subject.lead()

        waiting, running, expiring = [
            await subject.submit(expires_in=within) for within in (None, None, LONG)
        ]
        await store.jobs.cancel([waiting], "ann")
        assert await _told(subject, waiting) == ["all: job.cancelled 1"]

        lost = await subject.worker()
        poison = await subject.submit(max_stalls=0)
        await subject.running(lost, running, poison)
        await store.jobs.cancel([running], "ann")
        assert await _told(subject, running) == []  # it still runs
        await subject.lose(lost, term)
        assert await _told(subject, running) == ["all: job.cancelled 1"]
        alone = await subject.worker()
        await subject.running(alone, poison)
        await subject.lose(alone, term)
        assert await _told(subject, poison) == ["all: job.failed 1"]

        await subject.advance(LONG + 1)
        await store.duties.expire(term, 10)
        assert await _told(subject, expiring) == ["all: job.cancelled 1"]

        stopping, left = await subject.worker(), await subject.submit()
        await subject.running(stopping, left)
        await store.jobs.cancel([left], "ann")
        await store.workers.stop(stopping)
        assert await _told(subject, left) == ["all: job.cancelled 1"]

        forgetful, unheld = await subject.worker(), await subject.submit()
        await subject.running(forgetful, unheld)
        await store.jobs.cancel([unheld], "ann")
        await subject.advance(60)
        beat = subject.heartbeat(forgetful).beat([], {})
        assert beat.webhooks
        assert await _told(subject, unheld) == ["all: job.cancelled 1"]

    async def test_a_job_that_another_supersedes_tells_webhooks(self, subject: Subject) -> None:
        await make_webhook(subject)
        use = LimitUse("one", counted=True)
        await subject.declare("one", {"total": 1, "on_full": "supersede"})
        running = await subject.submit(uses=[use])
        assert await subject.claim_groups(await subject.worker(), (use,)) == [running]
        waiting = await subject.submit(uses=[use])
        await subject.submit(uses=[use])
        assert await _told(subject, waiting) == ["all: job.cancelled 1"]

    async def test_a_fenced_attempt_tells_nobody(self, subject: Subject) -> None:
        await make_webhook(subject)
        old, new, id = await subject.worker(), await subject.worker(), await subject.submit()
        await subject.running(old, id)
        await subject.lose(old, await subject.lead())
        await subject.running(new, id)
        await subject.store.attempts.finish(old, [Finished(id, 1, SUCCEEDED)], webhooks=True)
        assert await _told(subject) == []

    async def test_a_webhook_is_told_of_what_it_chose(self, subject: Subject) -> None:
        await make_webhook(subject, "failures", events=("job.failed",))
        await make_webhook(subject, "other-type", types=("acme.other",))
        await make_webhook(subject, "mine", types=(TYPE,), queues=("contract",))
        await make_webhook(subject, "other-queue", queues=("elsewhere",))
        await make_webhook(subject, "for-notifications", events=())
        await make_webhook(subject, "off")
        await subject.store.webhooks.disable("off", None, "ann")
        worker = await subject.worker()
        ids = [await subject.submit() for _ in range(2)]
        await subject.running(worker, *ids)
        ended = [Finished(ids[0], 1, SUCCEEDED), Finished(ids[1], 1, EXHAUSTED)]
        await subject.store.attempts.finish(worker, ended, webhooks=True)
        assert sorted(await _told(subject)) == [
            "failures: job.failed 1",
            "mine: job.completed 1",
            "mine: job.failed 1",
        ]

    async def test_jobs_that_tell_webhooks_are_told_of_to_nobody(self, subject: Subject) -> None:
        await make_webhook(subject)
        id = await subject.submit(type=DELIVERY_TYPE)
        await subject.store.jobs.cancel([id], "ann")
        assert await _told(subject) == []

    async def test_each_end_of_a_job_has_its_number_and_tells_it_as_it_was(self, subject: Subject) -> None:
        await make_webhook(subject)
        worker, id = await subject.worker(), await subject.submit(tags=("a", "b"))
        await subject.running(worker, id)
        await subject.store.attempts.finish(worker, [Finished(id, 1, EXHAUSTED)], webhooks=True)
        await subject.store.jobs.retry([id], "ann")
        await subject.running(worker, id)
        await subject.store.attempts.finish(worker, [Finished(id, 2, SUCCEEDED)], webhooks=True)
        assert await _told(subject, id) == ["all: job.failed 1", "all: job.completed 2"]
        second, first = await subject.store.webhook_history.of_job(id)
        assert (first.data["state"], first.data["number"], first.data["attempt"]) == ("failed", 1, 1)
        assert (second.data["state"], second.data["number"], second.data["tags"]) == (
            "completed",
            2,
            ["a", "b"],
        )
        assert first.data["error"] == {
            "kind": "exception",
            "type": "builtins.ValueError",
            "message": "it broke",
        }
        assert second.data["error"] is None
        assert first.id.version == 7

    async def test_an_installation_without_webhooks_hears_that_in_the_heartbeat(
        self, subject: Subject
    ) -> None:
        worker = await subject.worker()
        assert not subject.heartbeat(worker).beat([], {}).webhooks
        await make_webhook(subject, "for-notifications", events=())
        assert not subject.heartbeat(worker).beat([], {}).webhooks
        await make_webhook(subject)
        assert subject.heartbeat(worker).beat([], {}).webhooks

    @pytest.mark.parametrize("limited", [False, True], ids=["free", "limited"])
    @pytest.mark.parametrize("outcome", [SUCCEEDED, EXHAUSTED], ids=["succeeded", "exhausted"])
    async def test_an_outcome_stores_follow_ups_and_what_webhooks_are_told(
        self, subject: Subject, outcome: Outcome, limited: bool
    ) -> None:
        await make_webhook(subject)
        worker, id = await subject.worker(), await subject.submit()
        await subject.running(worker, id)
        item = Finished(id, 1, outcome, (follow_up(FollowsOn.END),), limited=limited)
        (recorded,) = await subject.store.attempts.finish(worker, [item], webhooks=True)
        assert len(recorded.follow_ups) == 1
        assert len(await _told(subject, id)) == 1
