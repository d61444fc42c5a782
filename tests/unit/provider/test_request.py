"""`http.request`: what is sent, what an answer makes of the job, and what a provider that is busy asks for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from corral.context.providers import ProviderAnswer
from corral.errors import Discard, Retry
from corral_jobs.provider import HttpRequest, HttpResult, request
from corral_jobs.provider.handlers import MAX_TEXT, do_request
from corral_testing.context import Recording, context
from corral_worker.context.providers import busy_seconds, hidden_in_text


class OneAnswer:
    """A provider that answers so, and keeps what it was asked."""

    def __init__(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answer = ProviderAnswer(
            status, {name.replace("_", "-"): value for name, value in headers.items()}, body
        )
        self.headers: Mapping[str, str] = {}
        self.content: bytes | None = None

    async def call(
        self,
        provider: str,  # noqa: ARG002
        method: str,  # noqa: ARG002
        path: str = "",  # noqa: ARG002
        *,
        query: Mapping[str, str] | None = None,  # noqa: ARG002
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> ProviderAnswer:
        self.headers, self.content = headers or {}, content
        return self.answer

    async def shared_answer(self, digest: str, seconds: float) -> bytes | None:
        raise AssertionError((digest, seconds))

    async def share_answer(self, digest: str, provider: str, body: bytes) -> None:
        raise AssertionError((digest, provider, body))


async def asked(provider: OneAnswer, **fields: Any) -> tuple[HttpResult, Recording, str]:
    ctx, recording = context(request, providers=provider)
    result = await do_request(HttpRequest.model_validate({"provider": "example", **fields}), ctx)
    return result, recording, str(ctx.job_id)


async def test_a_body_has_its_type_and_a_request_that_changes_something_its_own_key():
    provider = OneAnswer(201)
    _, _, job = await asked(provider, method="POST", json={"a": 1})
    assert provider.content == b'{"a":1}'
    assert provider.headers == {"Content-Type": "application/json", "Idempotency-Key": job}
    await asked(
        provider, method="PUT", body="é", headers={"content-type": "text/html", "idempotency-key": "mine"}
    )
    assert provider.content == "é".encode()
    assert provider.headers == {"content-type": "text/html", "idempotency-key": "mine"}
    await asked(provider)
    assert (provider.content, provider.headers) == (None, {})


async def test_a_short_text_is_the_result_and_all_else_a_file():
    short, _, _ = await asked(OneAnswer(200, b"hello", set_cookie="secret", etag="1"))
    assert short.model_dump() == {"status": 200, "headers": {"etag": "1"}, "text": "hello", "size_bytes": 5}
    for body in (b"\xff\xfe", b"a\0b", b"x" * (MAX_TEXT + 1)):
        result, recording, _ = await asked(OneAnswer(200, body, content_type="Image/PNG; x=y"))
        assert (result.text, result.size_bytes) == (None, len(body))
        assert recording.artifacts == {"body": body}


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Discard), (404, Discard), (408, Retry), (425, Retry), (500, Retry), (502, Retry)],
)
async def test_an_error_of_the_server_is_tried_again_and_one_of_ours_is_not(
    status: int, error: type[Exception]
):
    with pytest.raises(error, match=f"provider example answered {status}") as raised:
        await asked(OneAnswer(status, b"no\nsuch"))
    assert type(raised.value) is error


@pytest.mark.parametrize(
    "fields",
    [
        {"json": 1, "body": "x", "method": "POST"},
        {"body": "x"},
        {"headers": {"X Y": "z"}},
        {"method": "TRACE"},
        {"a": 1},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValidationError):
        HttpRequest.model_validate({"provider": "example", **fields})


NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 10),
        ("30", 30),
        ("0", 1),
        ("99999999999", 3_600),
        ("Mon, 01 Jun 2026 12:02:00 GMT", 120),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 1),
        ("soon", 10),
        ("-5", 10),
        ("\uff11\uff12", 10),
    ],
)
def test_a_busy_provider_says_for_how_long(header: str | None, seconds: float):
    assert busy_seconds(header, NOW) == seconds


def test_secrets_are_hidden_wherever_they_stand():
    assert hidden_in_text("key=abc&again=abc\udcff", [b"abc"]) == "key=***&again=***\udcff"
