"""The handler of `webhook.deliver`: what it sends, and what comes of each answer."""

import json
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from tests.integration.outgoing.server import Answer, answer, redirect
from tests.unit.corral_jobs.webhook.records import Records, receiving

from corral.errors import Discard, Retry
from corral.webhook.delivery import WAITS, DeliveryStatus
from corral.webhook.webhook import WebhookFormat
from corral_jobs.webhook import DeliveryRequest, DeliveryResult, deliver
from corral_jobs.webhook.handlers import do_deliver
from corral_testing.context import context

PATH = "/hook/s3cret-path"


async def sent(
    given: bytes | Answer | None, *, errors: int = 0, **fields: Any
) -> tuple[DeliveryResult | Exception, Records, list[Any]]:
    """What the handler ended with, what it stored, and what the server heard."""
    async with receiving() as (server, client):
        if given is not None:
            server.answers[PATH] = given
        records = Records()
        delivery = records.add(f"http://{server.address}:{server.port}{PATH}", **fields)
        ctx, _ = context(deliver, errors=errors, webhooks=records, outgoing=client)
        request = DeliveryRequest(webhook=delivery.webhook, delivery=delivery.id)
        try:
            ended: DeliveryResult | Exception = await do_deliver(request, ctx)
        except (Retry, Discard) as error:
            ended = error
        if isinstance(ended, Exception):
            assert not any(secret in str(ended) for secret in (PATH, *delivery.secrets))
        return ended, records, list(server.heard)


async def test_an_event_is_signed_and_the_project_s_verifier_takes_it():
    async with receiving() as (server, client):
        server.answers[PATH] = answer(status="204 No Content")
        records = Records()
        delivery = records.add(f"http://{server.address}:{server.port}{PATH}")
        ctx, _ = context(deliver, webhooks=records, outgoing=client)
        result = await do_deliver(DeliveryRequest(webhook="billing", delivery=delivery.id), ctx)
        (heard,) = server.heard
        assert (result.outcome, result.status) == ("delivered", 204)
        told = Webhook(delivery.secrets[0]).verify(heard.body, heard.headers)
        assert told == {
            "type": "job.failed",
            "timestamp": "2026-06-01T10:00:00+00:00",
            "data": dict(delivery.data),
        }
        assert heard.headers["webhook-id"] == str(delivery.id)
        assert records.attempts[0].status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize("errors", range(len(WAITS)))
async def test_it_is_sent_again_at_the_times_of_the_schedule(errors: int):
    ended, records, _ = await sent(answer(status="500 No"), errors=errors)
    assert isinstance(ended, Retry)
    assert ended.after == WAITS[errors]
    assert records.attempts[0].status is DeliveryStatus.PENDING


async def test_after_the_last_time_it_is_given_up():
    ended, records, _ = await sent(answer(status="500 No"), errors=len(WAITS))
    assert isinstance(ended, Discard)
    assert records.attempts[0].status is DeliveryStatus.FAILED


@pytest.mark.parametrize(
    ("given", "after"),
    [
        (answer(status="429 Slow", retry_after="120"), 120.0),
        (answer(status="503 Away", retry_after="2"), WAITS[0]),
        (answer(status="503 Away", retry_after="999999999999"), 36_000.0),
        (answer(status="503 Away", retry_after="soon"), WAITS[0]),
        (answer(status="404 None"), WAITS[0]),
        (redirect("https://elsewhere.example.com/"), WAITS[0]),
    ],
    ids=["later", "sooner", "for-ever", "unreadable", "404", "redirect"],
)
async def test_an_answer_that_is_no_success_is_tried_again_and_not_before_it_asks_for(
    given: bytes, after: float
):
    ended, _, heard = await sent(given)
    assert isinstance(ended, Retry)
    assert ended.after == after
    assert len(heard) == 1


async def test_a_receiver_that_takes_it_and_drops_its_answer_gets_it_again_under_the_same_id():
    async with receiving() as (server, client):
        records = Records()
        delivery = records.add(f"http://{server.address}:{server.port}{PATH}")
        request = DeliveryRequest(webhook="billing", delivery=delivery.id)

        def hang_up(_: object) -> bytes:
            raise OSError

        server.answers[PATH] = hang_up
        ctx, _ = context(deliver, webhooks=records, outgoing=client)
        with pytest.raises(Retry):
            await do_deliver(request, ctx)
        server.answers[PATH] = answer()
        again, _ = context(deliver, errors=1, webhooks=records, outgoing=client)
        assert (await do_deliver(request, again)).outcome == "delivered"
        first, second = server.heard
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body


async def test_one_that_is_gone_is_asked_no_more():
    ended, records, _ = await sent(answer(status="410 Gone"))
    assert isinstance(ended, Discard)
    assert records.attempts[0].gone
    assert records.attempts[0].status is DeliveryStatus.FAILED


async def test_a_test_is_sent_once_and_to_a_disabled_one_too():
    ended, records, heard = await sent(answer(status="500 No"), event="webhook.test", enabled=False)
    assert isinstance(ended, Discard)
    assert records.attempts[0].test
    assert json.loads(heard[0].body)["type"] == "webhook.test"


async def test_nothing_is_sent_to_a_disabled_one():
    ended, records, heard = await sent(answer(), enabled=False, disabled_reason="it is on holiday")
    assert isinstance(ended, DeliveryResult)
    assert ended.outcome == "skipped"
    assert "on holiday" in records.skips[0]
    assert heard == []


async def test_an_address_that_may_not_be_reached_is_given_up_at_once():
    async with receiving() as (_, client):
        records = Records()
        delivery = records.add("http://127.0.0.9:9/inside")
        ctx, _ = context(deliver, webhooks=records, outgoing=client)
        with pytest.raises(Discard, match="nothing is sent there"):
            await do_deliver(DeliveryRequest(webhook="billing", delivery=delivery.id), ctx)


async def test_what_was_delivered_is_not_sent_by_a_repeated_attempt():
    ended, _, heard = await sent(answer(), status=DeliveryStatus.DELIVERED)
    assert isinstance(ended, DeliveryResult)
    assert (ended.outcome, heard) == ("delivered", [])


async def test_slack_and_teams_get_words_that_can_not_be_taken_for_markup():
    _, _, heard = await sent(answer(), format=WebhookFormat.SLACK, secrets=())
    assert json.loads(heard[0].body) == {
        "text": "acme.ask failed (job 0190): ValueError: &lt;it&gt; broke &amp; so on"
    }
    assert "webhook-signature" not in heard[0].headers
    _, _, heard = await sent(answer(), format=WebhookFormat.TEAMS, secrets=())
    (attachment,) = json.loads(heard[0].body)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["body"][0]["text"].startswith("acme.ask failed (job 0190): ValueError: <it>")
