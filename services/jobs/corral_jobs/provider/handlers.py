"""The handler of `http.request`."""

from typing import Final

from corral import json_codec
from corral.context import Context
from corral.context.providers import ProviderAnswer
from corral.errors import Discard, Retry
from corral_jobs.provider.declaration import HttpRequest, HttpResult, request

MAX_TEXT: Final = 65_536
"""Bytes of a body that stand in the result; a longer one is a file."""
TRY_LATER: Final = frozenset({408, 425})
NOT_KEPT: Final = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authenticate"})
"""Headers that may hold a secret of the provider's own."""


@request.handler
async def do_request(wanted: HttpRequest, ctx: Context) -> HttpResult:
    """Send the request; an answer below 400 is the result. A repeated attempt sends the same Idempotency-Key."""
    headers = dict(wanted.headers)
    given = {name.lower() for name in headers}
    content = None
    if wanted.json_body is not None:
        content = json_codec.dumps(wanted.json_body)
        headers.update({} if "content-type" in given else {"Content-Type": "application/json"})
    elif wanted.body is not None:
        content = wanted.body.encode()
        headers.update({} if "content-type" in given else {"Content-Type": "text/plain; charset=utf-8"})
    if wanted.method not in ("GET", "HEAD") and "idempotency-key" not in given:
        headers["Idempotency-Key"] = str(ctx.job_id)
    answer = await ctx.providers.call(
        wanted.provider, wanted.method, wanted.path, query=wanted.query, headers=headers, content=content
    )
    if answer.status in TRY_LATER or answer.status >= 500:
        raise Retry(f"provider {wanted.provider} answered {answer.status}")
    if answer.status >= 400:
        raise Discard(f"provider {wanted.provider} answered {answer.status}: {_beginning(answer)}")
    return await _result(answer, ctx)


async def _result(answer: ProviderAnswer, ctx: Context) -> HttpResult:
    media_type = answer.headers.get("content-type", "application/octet-stream")
    text = None if len(answer.body) > MAX_TEXT else _text(answer.body)
    if text is None:
        await ctx.artifacts.put("body", answer.body, media_type.partition(";")[0].strip().lower())
    return HttpResult(
        status=answer.status,
        headers={name: value for name, value in answer.headers.items() if name not in NOT_KEPT},
        text=text,
        size_bytes=len(answer.body),
    )


def _text(body: bytes) -> str | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _beginning(answer: ProviderAnswer) -> str:
    return ascii(answer.body[:200].decode("utf-8", "replace").strip())[1:-1]
