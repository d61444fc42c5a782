"""Webhooks and their deliveries: made, sent, answered, shown, sent again, forgotten."""

from uuid import UUID

import pytest

from corral.errors import Conflict, NotFound
from corral.ids import new_id
from corral.webhook.delivery import DeliveryAttempt, DeliveryStatus
from corral.webhook.webhook import WebhookFields
from corral_testing.conformance.telling import URL, make_webhook
from corral_testing.subject import LONG, Subject

DAY = 86_400.0
DELIVERED = DeliveryAttempt(status=DeliveryStatus.DELIVERED, http_status=204)
AGAIN = DeliveryAttempt(status=DeliveryStatus.PENDING, http_status=503, error="503")
GIVEN_UP = DeliveryAttempt(status=DeliveryStatus.FAILED, http_status=503, error="503")
GONE = DeliveryAttempt(status=DeliveryStatus.FAILED, http_status=410, error="410", gone=True)


async def _sent(subject: Subject, webhook: str = "all") -> UUID:
    """A delivery that a job was made for; its id."""
    id = await subject.store.webhook_history.add_test(webhook, {"n": 1}, "ann")
    await subject.store.webhook_deliveries.assign(await subject.lead(), {id: subject.new_job()})
    return id


async def _status(subject: Subject, id: UUID, webhook: str = "all") -> DeliveryStatus:
    return (await subject.store.webhook_history.get(webhook, id)).status


class Delivering:
    """Webhooks, and what came of what they are told."""

    async def test_a_webhook_is_made_once_read_changed_and_removed(self, subject: Subject) -> None:
        webhooks = subject.store.webhooks
        await make_webhook(subject)
        with pytest.raises(Conflict):
            await make_webhook(subject)
        changed = await webhooks.change("all", WebhookFields(url=URL, events=("job.failed",)), "ann")
        assert changed.fields.events == ("job.failed",)
        off = await webhooks.disable("all", "a holiday", "ann")
        assert (off.enabled, off.disabled_by, off.disabled_reason) == (False, "ann", "a holiday")
        again = await webhooks.disable("all", "another", "ben")
        assert (again.disabled_by, again.disabled_reason) == ("ann", "a holiday")
        assert await webhooks.disabled() == 1
        on = await webhooks.enable("all", "ann")
        assert (on.enabled, on.disabled_by, on.disabled_reason) == (True, None, None)
        await webhooks.delete("all", "ann")
        assert await webhooks.page() == []
        assert await webhooks.target("all") is None
        for refused in (
            webhooks.get("all"),
            webhooks.enable("all", "ann"),
            webhooks.disable("all", None, "ann"),
            webhooks.rotate("all", "whsec_2", 0, "ann"),
            webhooks.delete("all", "ann"),
            webhooks.change("all", WebhookFields(url=URL), "ann"),
            subject.store.webhook_history.add_test("all", {}, "ann"),
        ):
            with pytest.raises(NotFound):
                await refused

    async def test_pages_of_webhooks_are_by_name(self, subject: Subject) -> None:
        for name in ("c", "a", "b"):
            await make_webhook(subject, name)
        assert [one.name for one in await subject.store.webhooks.page()] == ["a", "b", "c"]
        assert [one.name for one in await subject.store.webhooks.page("a", 1)] == ["b"]

    async def test_the_old_secret_signs_for_a_while_beside_the_new_one(self, subject: Subject) -> None:
        webhooks = subject.store.webhooks
        await make_webhook(subject, signed_by="first")
        rotated = await webhooks.rotate("all", "second", LONG, "ann")
        assert rotated.secrets == 2
        assert rotated.rotation_ends_at is not None
        target = await webhooks.target("all")
        assert target is not None
        assert target.secrets == ("second", "first")
        third = await webhooks.rotate("all", "third", LONG, "ann")
        assert third.secrets == 2, "at most two sign"
        await subject.advance(LONG + 1)
        target = await webhooks.target("all")
        assert target is not None
        assert target.secrets == ("third",)
        assert (await webhooks.get("all")).rotation_ends_at is None

    async def test_each_delivery_gets_one_job(self, subject: Subject) -> None:
        await make_webhook(subject, signed_by="first")
        deliveries, term = subject.store.webhook_deliveries, await subject.lead()
        ids = sorted([await subject.store.webhook_history.add_test("all", {"n": 0}, "ann") for _ in range(3)])
        assert await deliveries.waiting(2) == [(id, "all") for id in ids[:2]]
        jobs = {id: subject.new_job() for id in ids}
        stored = await deliveries.assign(term, {id: jobs[id] for id in ids[:2]})
        assert [one.id for one in stored] == [jobs[id].id for id in ids[:2]]
        stored = await deliveries.assign(term, {ids[1]: subject.new_job(), ids[2]: jobs[ids[2]]})
        assert [one.id for one in stored] == [jobs[ids[2]].id]
        assert await deliveries.waiting(10) == []
        to_send = await deliveries.to_send(ids[0])
        assert to_send is not None
        assert (to_send.webhook, to_send.url, to_send.secrets, to_send.data) == (
            "all",
            URL,
            ("first",),
            {"n": 0},
        )
        assert (await subject.store.webhook_history.get("all", ids[0])).sent_by == jobs[ids[0]].id
        assert await deliveries.to_send(new_id()) is None

    async def test_what_came_of_requests_is_kept(self, subject: Subject) -> None:
        await make_webhook(subject)
        deliveries, history = subject.store.webhook_deliveries, subject.store.webhook_history
        id = await _sent(subject)
        assert await deliveries.attempted(id, AGAIN) is None
        one = await history.get("all", id)
        assert (one.status, one.attempts, one.last_status, one.last_error) == ("pending", 1, 503, "503")
        webhook = await subject.store.webhooks.get("all")
        assert (webhook.failures, webhook.last_error, webhook.failing_since is None) == (1, "503", False)
        assert await deliveries.attempted(id, DELIVERED) is None
        one = await history.get("all", id)
        assert (one.status, one.attempts, one.last_status, one.last_error) == ("delivered", 2, 204, None)
        assert one.delivered_at is not None
        webhook = await subject.store.webhooks.get("all")
        assert (webhook.failures, webhook.failing_since) == (0, None)
        await deliveries.attempted(id, AGAIN)
        await deliveries.skipped(id, "too late")
        assert await _status(subject, id) == "delivered", "a late word does not undo a success"
        other = await _sent(subject)
        await deliveries.skipped(other, "it is disabled")
        assert await _status(subject, other) == "skipped"
        test = DeliveryAttempt(status=DeliveryStatus.FAILED, error="no", test=True)
        failures = (await subject.store.webhooks.get("all")).failures
        await deliveries.attempted(await _sent(subject), test)
        assert (await subject.store.webhooks.get("all")).failures == failures, "a test says nothing of it"
        assert await deliveries.attempted(new_id(), AGAIN) is None

    async def test_a_webhook_that_is_gone_or_takes_nothing_for_five_days_is_disabled(
        self, subject: Subject
    ) -> None:
        deliveries = subject.store.webhook_deliveries
        for name in ("gone", "silent"):
            await make_webhook(subject, name)
        assert "410" in (await deliveries.attempted(await _sent(subject, "gone"), GONE) or "")
        assert not (await subject.store.webhooks.get("gone")).enabled
        assert await deliveries.attempted(await _sent(subject, "silent"), GIVEN_UP) is None
        assert await subject.store.webhooks.failing_seconds() < LONG, (
            "that one is off, and this one has just begun"
        )
        await subject.advance(5 * DAY - LONG)
        assert 4 * DAY < await subject.store.webhooks.failing_seconds() < 5 * DAY
        assert await deliveries.attempted(await _sent(subject, "silent"), GIVEN_UP) is None
        await subject.advance(2 * LONG)
        reason = await deliveries.attempted(await _sent(subject, "silent"), GIVEN_UP)
        assert reason is not None
        assert reason.startswith("its endpoint has taken nothing since ")
        webhook = await subject.store.webhooks.get("silent")
        assert (webhook.enabled, webhook.disabled_by, webhook.disabled_reason) == (False, "corral", reason)
        assert await subject.store.webhooks.failing_seconds() == 0

    async def test_deliveries_are_shown_newest_first_and_by_status(self, subject: Subject) -> None:
        await make_webhook(subject)
        history = subject.store.webhook_history
        ids = sorted([await _sent(subject) for _ in range(3)])
        await subject.store.webhook_deliveries.attempted(ids[1], DELIVERED)
        assert [one.id for one in await history.page("all")] == ids[::-1]
        assert [one.id for one in await history.page("all", before=ids[2], limit=1)] == [ids[1]]
        found = await history.page("all", status=DeliveryStatus.DELIVERED)
        assert [one.id for one in found] == [ids[1]]
        await make_webhook(subject, "other")
        for refused in (history.get("all", new_id()), history.get("other", ids[0])):
            with pytest.raises(NotFound):
                await refused

    async def test_a_delivery_whose_job_ended_without_a_word_has_failed(self, subject: Subject) -> None:
        await make_webhook(subject)
        id = await subject.store.webhook_history.add_test("all", {}, "ann")
        job = subject.new_job()
        await subject.store.webhook_deliveries.assign(await subject.lead(), {id: job})
        assert await _status(subject, id) == "pending"
        await subject.store.jobs.cancel([job.id], "ann")
        assert await _status(subject, id) == "failed"

    async def test_one_delivery_or_those_since_a_time_are_sent_again(self, subject: Subject) -> None:
        await make_webhook(subject)
        history, deliveries = subject.store.webhook_history, subject.store.webhook_deliveries
        failed, delivered, skipped = sorted([await _sent(subject) for _ in range(3)])
        with pytest.raises(Conflict):
            await history.replay("all", failed, "ann")
        await deliveries.attempted(failed, GIVEN_UP)
        await deliveries.attempted(delivered, DELIVERED)
        await deliveries.skipped(skipped, "it is disabled")
        await history.replay("all", delivered, "ann")
        assert await deliveries.waiting(10) == [(delivered, "all")]
        since = min(one.created_at for one in await history.page("all"))
        assert await history.replay_since("all", since, "ann", delivered=False) == 2
        assert [id for id, _ in await deliveries.waiting(10)] == [failed, delivered, skipped]
        await deliveries.attempted(delivered, DELIVERED)
        assert await history.replay_since("all", since, "ann", delivered=True) == 1
        with pytest.raises(NotFound):
            await history.replay("all", new_id(), "ann")

    async def test_old_deliveries_are_forgotten_and_those_of_removed_webhooks(self, subject: Subject) -> None:
        await make_webhook(subject)
        deliveries, old = subject.store.webhook_deliveries, await _sent(subject)
        await subject.advance(31 * DAY)
        new = await _sent(subject)
        term = await subject.lead()
        assert await deliveries.forget(term, 0, 10) == 0, "0 days: for ever"
        assert await deliveries.forget(term, 30, 10) == 1
        assert [one.id for one in await subject.store.webhook_history.page("all")] == [new]
        assert await deliveries.to_send(old) is None
        await subject.store.webhooks.delete("all", "ann")
        assert await deliveries.to_send(new) is None
