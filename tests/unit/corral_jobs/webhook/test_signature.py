"""Signatures are those of the Standard Webhooks project: its own verifier takes them, and nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from corral.webhook.signature import new_secret, secret_problem
from corral_jobs.webhook.message import headers_of, written


@settings(max_examples=15)
@given(data=st.dictionaries(st.text(max_size=20), st.text(max_size=50) | st.integers()))
def test_the_project_s_own_verifier_takes_what_we_sign(data: dict[str, object]):
    secret, content = new_secret(), written(data)
    headers = headers_of([secret], "msg_1", content)
    assert Webhook(secret).verify(content, headers) == data


def test_during_a_rotation_either_secret_verifies():
    new, old = new_secret(), new_secret()
    content = written({"a": 1})
    headers = headers_of([new, old], "msg_1", content)
    for secret in (new, old):
        assert Webhook(secret).verify(content, headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(content, headers)


@pytest.mark.parametrize("what", ["body", "id", "time", "age"])
def test_what_was_changed_or_is_old_does_not_verify(what: str):
    secret, content = new_secret(), written({"amount": 1})
    now = datetime.now(UTC)
    moment = now - timedelta(minutes=10) if what == "age" else now
    headers = headers_of([secret], "msg_1", content, int(moment.timestamp()))
    match what:
        case "body":
            content = written({"amount": 1000})
        case "id":
            headers["webhook-id"] = "msg_2"
        case "time":
            headers["webhook-timestamp"] = str(int(now.timestamp()) + 60)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(content, headers)


def test_the_known_signature_of_the_specification():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    content = b'{"test": 2432232314}'
    headers = headers_of([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", content, 1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_fresh_secret_is_one_and_no_two_are_alike():
    secrets = {new_secret() for _ in range(20)}
    assert len(secrets) == 20
    assert {secret_problem(secret) for secret in secrets} == {None}


@pytest.mark.parametrize(
    ("secret", "fits"),
    [
        ("whsec_" + base64.b64encode(b"x" * 24).decode(), True),
        ("whsec_" + base64.b64encode(b"x" * 64).decode(), True),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), False),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), False),
        ("whsec_", False),
        ("whsec_not base64 at all, and long enough", False),
        ("whsec_ÄÄÄÄ", False),
        (base64.b64encode(b"x" * 32).decode(), False),
        (json.dumps("whsec_"), False),
    ],
)
def test_a_secret_is_a_key_of_24_to_64_bytes_and_a_refusal_does_not_repeat_it(secret: str, fits: bool):
    problem = secret_problem(secret)
    assert (problem is None) is fits
    assert problem is None or len(secret) < 10 or secret not in problem
