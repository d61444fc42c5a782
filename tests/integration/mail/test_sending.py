"""`email.send` against a real SMTP server: what arrives, and what each answer of the server makes of the job."""

import socket
from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from tests.integration.mail.conftest import Inbox, StartServer

from corral.errors import Discard, PerhapsDone, Retry
from corral_jobs.mail import Mail, RecipientStatus, handlers, send
from corral_jobs.mail.handlers import do_send
from corral_jobs.mail.server import MailServer, Security
from corral_testing.context import context


def a_mail(**fields: object) -> Mail:
    return Mail.model_validate({"to": "ann@example.com", "subject": "Hello", "body": "Ready.", **fields})


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_a_mail_arrives_over_every_kind_of_connection(
    security: Security, inbox: Inbox, start_server: StartServer
):
    await start_server(security, user="corral")
    ctx, recording = context(send)
    sent = await do_send(a_mail(), ctx)
    (envelope,) = inbox.mails
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("corral@example.com", ["ann@example.com"])
    assert mail["Message-ID"] == sent.message_id == f"<{ctx.job_id}@example.com>"
    assert mail.get_content().strip() == "Ready."
    assert sent.answer == "2.0.0 Ok: queued as 4711"
    assert [one.status for one in sent.recipients] == [RecipientStatus.SENT]
    assert inbox.signed_in == ["corral"]
    receipt = {"sent": ["ann@example.com"], "answer": "2.0.0 Ok: queued as 4711"}
    assert recording.effects == {"delivery-1": receipt}
    assert recording.checkpoints[-1] == {**receipt, "deliveries": 1, "offered": []}


async def test_a_refusal_for_now_is_tried_again_and_arrives_under_the_same_id(
    inbox: Inbox, start_server: StartServer
):
    await start_server()
    inbox.data = ["451 4.7.1 Greylisted, try again later"]
    ctx, _ = context(send)
    with pytest.raises(Retry, match=r"451 4\.7\.1 Greylisted, try again later"):
        await do_send(a_mail(), ctx)
    sent = await do_send(a_mail(), ctx)
    (envelope,) = inbox.mails
    assert message_from_bytes(envelope.content)["Message-ID"] == sent.message_id


@pytest.mark.parametrize("where", ["sender", "recipient", "data", "sign-in"])
async def test_a_refusal_for_good_fails_at_once_with_the_servers_words(
    where: str, inbox: Inbox, start_server: StartServer
):
    await start_server(user="corral" if where == "sign-in" else None, password="wrong")
    words = "550 5.7.1 We don't like you"
    match where:
        case "sender":
            inbox.sender = words
        case "recipient":
            inbox.recipients["ann@example.com"] = words
        case "data":
            inbox.data = [words]
        case _:
            words = "535"
    ctx, _ = context(send)
    with pytest.raises(Discard, match=words):
        await do_send(a_mail(), ctx)
    assert inbox.mails == []


async def test_a_partial_refusal_is_no_success_and_nobody_gets_the_mail_twice(
    inbox: Inbox, start_server: StartServer
):
    await start_server()
    inbox.recipients = {"bob@example.com": "451 mailbox busy", "eve@example.com": "550 no such user"}
    mail = a_mail(to=["ann@example.com", "bob@example.com"], bcc=["eve@example.com"])
    ctx, recording = context(send)
    with pytest.raises(Retry) as deferred:
        await do_send(mail, ctx)
    assert str(deferred.value) == (
        "1 of 3 recipients got it; not bob@example.com: 451 mailbox busy; eve@example.com: 550 no such user"
    )
    assert [text for text, _ in recording.log] == [
        "bob@example.com is deferred: 451 mailbox busy",
        "eve@example.com is refused: 550 no such user",
    ]
    del inbox.recipients["bob@example.com"]
    again, recording = context(
        send, errors=1, checkpointed=recording.checkpoints[-1], effects=recording.effects
    )
    with pytest.raises(Discard, match=r"2 of 3 recipients got it; not eve@example\.com: 550 no such user"):
        await do_send(mail, again)
    inbox.recipients.clear()
    last, recording = context(send, checkpointed=recording.checkpoints[-1], effects=recording.effects)
    sent = await do_send(mail, last)
    assert [one.rcpt_tos for one in inbox.mails] == [
        ["ann@example.com"],
        ["bob@example.com"],
        ["eve@example.com"],
    ]
    assert len(sent.recipients) == 3


async def test_a_server_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    away = MailServer(host="127.0.0.1", port=port, security="none", sender="c@example.com")
    monkeypatch.setattr(handlers, "configured", lambda: away)
    ctx, _ = context(send)
    with pytest.raises(
        Retry, match=rf"the mail server 127.0.0.1:{port} does not answer as a mail server does"
    ):
        await do_send(a_mail(), ctx)


async def test_a_server_without_the_encryption_that_is_asked_for_gets_nothing(
    inbox: Inbox, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
):
    plain = await start_server()
    asked = MailServer(host=plain.host, port=plain.port, security="starttls", sender=plain.sender)
    monkeypatch.setattr(handlers, "configured", lambda: asked)
    ctx, _ = context(send)
    with pytest.raises(Discard, match="CORRAL_SMTP_SECURITY"):
        await do_send(a_mail(), ctx)
    assert inbox.mails == []


async def test_files_of_jobs_are_attached_and_a_missing_one_sends_nothing(
    inbox: Inbox, start_server: StartServer
):
    await start_server()
    job = uuid4()
    mail = a_mail(attachments=[{"job": str(job), "artifact": "2026/report.pdf"}])
    ctx, recording = context(send)
    with pytest.raises(Discard, match=f"the job {job} has no file '2026/report.pdf'"):
        await do_send(mail, ctx)
    recording.others[job, "2026/report.pdf"] = b"%PDF-1.7"
    await do_send(mail, ctx)
    (attached,) = message_from_bytes(inbox.mails[0].content, policy=policy.default).iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("report.pdf", b"%PDF-1.7")


async def test_a_template_is_filled_in_and_a_wrong_one_sends_nothing(inbox: Inbox, start_server: StartServer):
    await start_server()
    ctx, _ = context(send)
    with pytest.raises(Discard, match="/body: the template fails"):
        await do_send(a_mail(body="Hello {{ name", variables={}), ctx)
    assert inbox.mails == []
    await do_send(
        a_mail(subject="For {{ name }}", body="{{ n }} rows", variables={"name": "Ann", "n": 3}), ctx
    )
    mail = message_from_bytes(inbox.mails[0].content, policy=policy.default)
    assert (mail["Subject"], mail.get_content().strip()) == ("For Ann", "3 rows")


async def test_a_mail_whose_answer_is_lost_is_perhaps_sent_and_a_person_settles_it(
    inbox: Inbox, start_server: StartServer
):
    await start_server()
    inbox.hang_up = True
    inbox.recipients = {"bob@example.com": "451 mailbox busy"}
    mail = a_mail(to=["ann@example.com", "bob@example.com"])
    ctx, recording = context(send)
    with pytest.raises(PerhapsDone, match=rf"perhaps sent.*corral jobs settle {ctx.job_id} delivery-1"):
        await do_send(mail, ctx)
    assert recording.effects == {}, "neither known as done nor withdrawn"
    assert recording.checkpoints[-1]["offered"] == ["ann@example.com"]
    # It was sent, as the person found out: only bob is left.
    inbox.recipients.clear()
    settled, recording = context(send, checkpointed=recording.checkpoints[-1], effects={"delivery-1": None})
    await do_send(mail, settled)
    assert [one.rcpt_tos for one in inbox.mails] == [["ann@example.com"], ["bob@example.com"]]
    assert set(recording.effects) == {"delivery-1", "delivery-2"}


async def test_a_worker_that_dies_after_the_mail_went_out_sends_it_to_nobody_again(
    inbox: Inbox, start_server: StartServer
):
    await start_server()
    receipt = {"sent": ["ann@example.com"], "answer": "2.0.0 Ok"}
    ctx, _ = context(send, effects={"delivery-1": receipt})
    sent = await do_send(a_mail(), ctx)
    assert (inbox.mails, sent.answer) == ([], "2.0.0 Ok")


async def test_what_the_server_refuses_may_be_sent_again(inbox: Inbox, start_server: StartServer):
    await start_server()
    inbox.data = ["421 4.3.2 Shutting down"]
    ctx, recording = context(send)
    with pytest.raises(Retry, match="421"):
        await do_send(a_mail(), ctx)
    assert recording.withdrawn == ["delivery-1"]
