"""The handler of `notification.digest`: what one recipient is to be told is one message, and each job ends with its result."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook
from tests.integration.outgoing.server import answer
from tests.unit.corral_jobs.webhook.records import Records, receiving

from corral.context import BatchJob
from corral.errors import Discard, Retry
from corral.ids import new_id
from corral.job.batch import Batch
from corral.webhook.delivery import WebhookTarget
from corral.webhook.signature import new_secret
from corral.webhook.webhook import WebhookFormat
from corral_jobs.notification import DigestedNotification, DigestSent, digest
from corral_jobs.notification.handlers import do_digest, message_id
from corral_testing.batch import BatchRecording, batch

SECRET = new_secret()


class Digest:
    """One call of the handler: its jobs, what was said of them, and what the webhooks `signed` and `slack` heard."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = answers
        self.jobs: Sequence[BatchJob[DigestedNotification]] = ()
        self.recording = BatchRecording()
        self.heard: list[Any] = []

    async def tell(
        self, *asked: dict[str, Any], cancelled: Sequence[int] = (), errors: int = 0, checkpointed: Any = None
    ) -> list[Any]:
        async with receiving() as (server, client):
            records = Records()
            for name in ("signed", "slack"):
                server.answers[f"/{name}"] = self.answers.get(name, answer())
                records.targets[name] = WebhookTarget(
                    name=name,
                    url=f"http://{server.address}:{server.port}/{name}",
                    format=WebhookFormat("standard" if name == "signed" else name),
                    secrets=(SECRET,) if name == "signed" else (),
                    enabled=True,
                    disabled_reason=None,
                )
            payloads = [DigestedNotification(**{"to": "signed"} | one) for one in asked]
            jobs, self.recording = batch(
                digest, payloads, errors=errors, checkpointed=checkpointed, webhooks=records, outgoing=client
            )
            self.jobs = [job for job in jobs if isinstance(job, BatchJob)]
            self.recording.told |= {jobs[number].id for number in cancelled}
            await do_digest(self.jobs)
            self.heard = server.heard
        return [self.recording.outcomes[job.id] for job in self.jobs]


def said(number: int, **fields: Any) -> dict[str, Any]:
    return {"title": f"Order {number}", "message": f"Number {number} was sent.", **fields}


def test_jobs_of_one_recipient_are_gathered_for_a_minute():
    assert digest.options.batch == Batch(size=100, wait=60, max_bytes=262_144, by="to")


async def test_several_notifications_are_one_message_and_each_job_has_its_result():
    call = Digest()
    ended = await call.tell(said(1, data={"id": 1}), said(2), said(3))
    (heard,) = call.heard
    message = Webhook(SECRET).verify(heard.body, heard.headers)
    assert message["data"]["title"] == "3 notifications"
    assert message["data"]["message"].startswith("Order 1\nNumber 1 was sent.\n\nOrder 2\n")
    assert [(one["title"], one["data"]) for one in message["data"]["items"]] == [
        ("Order 1", {"id": 1}),
        ("Order 2", None),
        ("Order 3", None),
    ]
    assert [one["job"] for one in message["data"]["items"]] == [str(job.id) for job in call.jobs]
    assert len({one.model_dump_json() for one in ended}) == 1
    assert isinstance(ended[0], DigestSent)
    assert (ended[0].to, ended[0].via, ended[0].count) == ("signed", "standard", 3)
    assert heard.headers["webhook-id"] == str(ended[0].message_id)


async def test_one_alone_is_said_as_it_is():
    call = Digest()
    await call.tell(said(1, to="slack"))
    assert json.loads(call.heard[0].body) == {"text": "Order 1\nNumber 1 was sent."}


async def test_templates_write_the_message_over_the_list():
    call = Digest()
    templates = {
        "title": "{{ count }} for\n{{ to }}",
        "message": "{% for item in items %}- {{ item.title }}: {{ item.data.sum }}\n{% endfor %}",
    }
    await call.tell(
        said(1, to="slack", digest=templates, data={"sum": 5}),
        {
            "to": "slack",
            "title": "{{ who }}",
            "message": "x",
            "variables": {"who": "Ann"},
            "data": {"sum": 7},
            "digest": templates,
        },
    )
    assert json.loads(call.heard[0].body) == {"text": "2 for slack\n- Order 1: 5\n- Ann: 7\n"}


async def test_a_mail_is_one_job_that_the_first_announces():
    call = Digest()
    ended = await call.tell(*(said(number, to="ann@example.com") for number in (1, 2)))
    announced = [call.recording.of[job.id].follow_ups for job in call.jobs]
    assert [len(one) for one in announced] == [1, 0]
    (on, type, payload, _) = announced[0][0]
    assert (on, type) == ("success", "email.send")
    assert payload["subject"] == "2 notifications"
    assert payload["body"] == "Order 1\nNumber 1 was sent.\n\nOrder 2\nNumber 2 was sent."
    assert {(one.via, one.email) for one in ended} == {("email", ended[0].email)}
    assert next(iter(call.recording.outcomes)) == call.jobs[0].id, (
        "nothing points at a mail that is not stored"
    )


async def test_one_with_a_wrong_template_fails_alone():
    call = Digest()
    ended = await call.tell(said(1), {"message": "{{ nobody }}", "variables": {}}, said(3))
    assert [type(one) for one in ended] == [DigestSent, Discard, DigestSent]
    assert "/message: the template fails" in str(ended[1])
    assert ended[0].count == 2


async def test_a_wrong_template_of_the_digest_fails_those_that_share_it_and_no_others():
    call = Digest()
    wrong = {"message": "{{ items[99].title }}"}
    ended = await call.tell(said(1, digest=wrong), said(2), said(3, digest=wrong), said(4))
    assert [type(one) for one in ended] == [Discard, DigestSent, Discard, DigestSent]
    assert "/digest/message: the template fails" in str(ended[0])
    (heard,) = call.heard
    assert [one["title"] for one in json.loads(heard.body)["data"]["items"]] == ["Order 2", "Order 4"]


async def test_one_that_was_cancelled_is_not_in_the_message():
    call = Digest()
    ended = await call.tell(said(1), said(2), said(3), cancelled=[0])
    assert [type(one) for one in ended] == [Discard, DigestSent, DigestSent]
    assert ended[1].count == 2
    assert "Order 1" not in call.heard[0].body.decode()
    assert [type(one) for one in await call.tell(said(1), said(2), cancelled=[0, 1])] == [Discard, Discard]
    assert call.heard == []


async def test_the_whole_digest_is_tried_again():
    call = Digest(signed=answer(status="503 No", retry_after="60"))
    ended = await call.tell(said(1), said(2))
    assert [type(one) for one in ended] == [Retry, Retry]
    assert {one.after for one in ended} == {60}
    left = [call.recording.of[job.id].checkpoints for job in call.jobs]
    assert left == [[{"at": 0, "tries": 1, "gave_up": []}]] * 2
    call.answers.clear()
    ended = await call.tell(said(1), said(2), errors=1, checkpointed=left[0][-1])
    assert [one.count for one in ended] == [2, 2]


async def test_what_was_refused_for_good_is_told_to_the_next():
    call = Digest(signed=answer(status="404 No"))
    both = [said(number, otherwise=["slack", "ann@example.com"]) for number in (1, 2)]
    ended = await call.tell(*both)
    assert [one.path for one in call.heard] == ["/signed", "/slack"]
    assert [(one.to, one.gave_up[0].reason) for one in ended] == [("slack", "it answered 404")] * 2
    nobody = await Digest(signed=answer(status="404 No")).tell(said(1), said(2))
    assert [str(one) for one in nobody] == ["nobody took it: signed: it answered 404"] * 2


async def test_one_recipient_s_failure_harms_no_other():
    call = Digest(signed=answer(status="404 No"))
    ended = await call.tell(said(1), said(2, to="slack"), said(3, to="nobody"), said(4, to="slack"))
    assert [type(one) for one in ended] == [Discard, DigestSent, Discard, DigestSent]
    assert ended[1].count == 2


def test_the_same_jobs_have_the_same_message_id_and_others_another():
    ids = sorted(new_id() for _ in range(3))
    assert message_id(ids) == message_id(ids)
    assert len({message_id(ids), message_id(ids[:2]), message_id(ids[1:]), message_id(ids[:1])}) == 4


@pytest.mark.parametrize(
    "fields",
    [
        {"to": ["signed", "slack"]},
        {"otherwise": ["a"] * 4},
        {"digest": {"body": "x"}},
        {"digest": {"message": ""}},
        {"message": ""},
        {"tries": 6},
    ],
)
def test_what_is_no_notification_for_a_digest_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValidationError):
        DigestedNotification(**{"to": "signed", "message": "x"} | fields)
