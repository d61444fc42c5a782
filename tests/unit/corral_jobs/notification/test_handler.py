"""The handler of `notification.send`: who is told, who is tried again, and who is told instead."""

import json
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook
from tests.integration.outgoing.server import answer
from tests.unit.corral_jobs.webhook.records import Records, receiving

from corral.errors import Discard, Retry
from corral.webhook.delivery import WebhookTarget
from corral.webhook.signature import new_secret
from corral.webhook.webhook import WebhookFormat
from corral_jobs.mail import server as mail_server
from corral_jobs.mail.server import MailServer
from corral_jobs.notification import Notification, NotificationSent, notify
from corral_jobs.notification.handlers import do_notify
from corral_testing.context import Recording, context


class Talk:
    """Webhooks of each format at one server, and what the handler made of a notification."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = answers
        self.heard: list[Any] = []
        self.secret = new_secret()
        self.recording = Recording()

    async def tell(
        self, *, checkpointed: Any = None, errors: int = 0, disabled: str = "", **fields: Any
    ) -> NotificationSent | Retry | Discard:
        async with receiving() as (server, client):
            records = Records()
            for name in ("signed", "slack", "teams"):
                server.answers[f"/{name}"] = self.answers.get(name, answer())
                records.targets[name] = WebhookTarget(
                    name=name,
                    url=f"http://{server.address}:{server.port}/{name}",
                    format=WebhookFormat("standard" if name == "signed" else name),
                    secrets=(self.secret,) if name == "signed" else (),
                    enabled=name != disabled,
                    disabled_reason="it is on holiday",
                )
            ctx, self.recording = context(
                notify, errors=errors, checkpointed=checkpointed, webhooks=records, outgoing=client
            )
            try:
                return await do_notify(Notification(**{"message": "It is ready."} | fields), ctx)
            except (Retry, Discard) as error:
                return error
            finally:
                self.heard += server.heard


async def test_a_signed_webhook_gets_what_the_project_s_verifier_takes():
    talk = Talk()
    sent = await talk.tell(to="signed", title="Report", data={"id": 7})
    assert isinstance(sent, NotificationSent)
    assert (sent.to, sent.via, sent.status) == ("signed", "standard", 200)
    (heard,) = talk.heard
    message = Webhook(talk.secret).verify(heard.body, heard.headers)
    assert message["data"] == {"title": "Report", "message": "It is ready.", "data": {"id": 7}}


async def test_slack_and_teams_get_their_own_form():
    talk = Talk()
    for name in ("slack", "teams"):
        sent = await talk.tell(to=name, title="<Report>")
        assert isinstance(sent, NotificationSent)
        assert sent.via == name
    slack, teams = (json.loads(one.body) for one in talk.heard)
    assert slack == {"text": "&lt;Report&gt;\nIt is ready."}
    assert [block["text"] for block in teams["attachments"][0]["content"]["body"]] == [
        "<Report>",
        "It is ready.",
    ]


async def test_a_mail_is_a_job_of_its_own_that_exists_if_this_one_succeeds():
    talk = Talk()
    sent = await talk.tell(to="ann@example.com", title="Report")
    assert isinstance(sent, NotificationSent)
    assert sent.via == "email"
    (on, type, payload, _) = talk.recording.follow_ups[0]
    assert (on, type) == ("success", "email.send")
    assert payload == {"to": "ann@example.com", "subject": "Report", "body": "It is ready."}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_what_may_succeed_is_tried_again_and_not_before_it_asks_for(status: int):
    talk = Talk(signed=answer(status=f"{status} No", retry_after="60"))
    ended = await talk.tell(to=["signed", "slack"])
    assert isinstance(ended, Retry)
    assert ended.after == 60
    assert talk.recording.checkpoints[-1] == {"at": 0, "tries": 1, "gave_up": []}
    assert [one.path for one in talk.heard] == ["/signed"]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302])
async def test_what_will_not_is_given_up_for_the_next(status: int):
    talk = Talk(signed=answer(status=f"{status} No"))
    ended = await talk.tell(to=["signed", "slack"])
    assert isinstance(ended, NotificationSent)
    assert ended.to == "slack"
    assert [(one.to, one.reason) for one in ended.gave_up] == [("signed", f"it answered {status}")]


async def test_after_its_tries_the_next_is_told():
    talk = Talk(signed=answer(status="500 No"))
    before = {"at": 0, "tries": 2, "gave_up": []}
    ended = await talk.tell(to=["signed", "ann@example.com"], checkpointed=before, errors=2)
    assert isinstance(ended, NotificationSent)
    assert (ended.to, ended.via) == ("ann@example.com", "email")


async def test_a_missing_or_disabled_webhook_and_a_missing_mail_server_are_passed_over(
    monkeypatch: pytest.MonkeyPatch,
):
    talk = Talk()
    order = ["nobody", "slack", "ann@example.com", "signed"]
    ended = await talk.tell(to=order, disabled="slack")
    assert isinstance(ended, NotificationSent)
    assert ended.to == "signed"
    reasons = [one.reason for one in ended.gave_up]
    assert "no webhook nobody" in reasons[0]
    assert "on holiday" in reasons[1]
    assert "CORRAL_SMTP_HOST" in reasons[2]
    server = MailServer(host="mail.example.com", sender="corral@example.com")
    monkeypatch.setattr(mail_server, "configured", lambda: server)
    ended = await talk.tell(to=order, disabled="slack")
    assert isinstance(ended, NotificationSent)
    assert ended.to == "ann@example.com"


async def test_where_nobody_takes_it_the_job_fails_and_says_why_of_each():
    talk = Talk(signed=answer(status="404 No"), slack=answer(status="403 No"))
    ended = await talk.tell(to=["signed", "slack"])
    assert isinstance(ended, Discard)
    assert str(ended) == "nobody took it: signed: it answered 404; slack: it answered 403"


async def test_templates_are_checked_before_anybody_is_told():
    talk = Talk()
    texts = {"title": "{{ shop }}", "message": "{{ shop }} sold {{ count }}"}
    sent = await talk.tell(to="slack", variables={"shop": "north", "count": 3}, **texts)
    assert isinstance(sent, NotificationSent)
    assert json.loads(talk.heard[0].body) == {"text": "north\nnorth sold 3"}
    for variables, why in (({"shop": "north"}, "/message: the template fails"), ({}, "/title")):
        ended = await talk.tell(to="slack", variables=variables, **texts)
        assert isinstance(ended, Discard)
        assert why in str(ended)
    assert len(talk.heard) == 1
    plain = await talk.tell(to="slack", message="{{ as it is }}")
    assert isinstance(plain, NotificationSent)


@pytest.mark.parametrize(
    "fields",
    [
        {"to": []},
        {"to": "No Name"},
        {"to": "https://hooks.slack.com/services/T/B/x"},
        {"to": ["a"] * 5},
        {"to": "ann@example.com", "message": ""},
        {"to": "ops", "title": "two\nlines"},
        {"to": "ops", "tries": 0},
        {"to": "ops", "colour": "red"},
    ],
)
def test_what_is_no_notification_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValidationError):
        Notification(**{"message": "x"} | fields)
