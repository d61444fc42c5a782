"""Fetching a box: pieces, shared answers, and what a provider does on bad days."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest

from corral.context.providers import ProviderAnswer
from corral.errors import Discard, FailureReason, OutgoingFailed, ProviderBusy, Retry
from corral_jobs.area import AreaRequest, FetchedArea, fetch_area, measure_area
from corral_jobs.area.handlers import ELEMENTS, do_fetch
from corral_testing.context import context

REQUEST = AreaRequest(south=0, west=0, north=0.1, east=0.1, tags={"landuse": "forest"})
Script = bytes | int | Exception


class ScriptedProvider:
    """Answers as it is told, and then well: each box has one element of its own, and one that lies in all boxes."""

    def __init__(self, *script: Script) -> None:
        self.script = list(script)
        self.queries: list[str] = []
        self.shared: dict[str, bytes] = {}

    async def call(
        self,
        provider: str,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> ProviderAnswer:
        assert (provider, method, path, query) == ("overpass", "POST", "interpreter", None)
        assert headers
        assert content
        [asked] = parse_qs(content.decode())["data"]
        self.queries.append(asked)
        told = self.script.pop(0) if self.script else b""
        if isinstance(told, Exception):
            raise told
        if isinstance(told, int):
            return ProviderAnswer(told, {}, b"<p>no</p>")
        elements = [{"type": "way", "id": len(self.queries)}, {"type": "relation", "id": 1}]
        return ProviderAnswer(200, {}, told or json.dumps({"elements": elements}).encode())

    async def shared_answer(self, digest: str, seconds: float) -> bytes | None:
        assert seconds > 0
        return self.shared.get(digest)

    async def share_answer(self, digest: str, provider: str, body: bytes) -> None:
        assert provider == "overpass"
        self.shared[digest] = body


async def fetched(provider: ScriptedProvider, **changes: Any) -> tuple[FetchedArea, list[Any]]:
    ctx, recording = context(fetch_area, providers=provider)
    result = await do_fetch(REQUEST.model_copy(update=changes), ctx)
    [(on, type, payload, _)] = recording.follow_ups
    assert (on, type, payload["fetched_by"]) == ("success", measure_area.name, str(ctx.job_id))
    return result, json.loads(recording.artifacts[ELEMENTS])


async def test_a_box_is_asked_for_in_pieces_whose_elements_are_joined():
    provider = ScriptedProvider()
    result, elements = await fetched(provider, piece_degrees=0.05)
    assert (result.pieces, result.requests, result.elements) == (4, 4, 5)
    assert len(elements) == 5
    assert len(set(provider.queries)) == 4


async def test_a_box_across_the_antimeridian_is_asked_for_on_both_sides():
    provider = ScriptedProvider()
    await fetched(provider, west=179.95, east=-179.95)
    assert [query.partition("(0")[2].partition(")")[0] for query in provider.queries] == [
        ".0000000,179.9500000,0.1000000,180.0000000",
        ".0000000,-180.0000000,0.1000000,-179.9500000",
    ]


async def test_identical_queries_share_an_answer_unless_they_ask_anew():
    provider = ScriptedProvider()
    assert (await fetched(provider))[0].requests == 1
    again, _ = await fetched(provider)
    assert (again.requests, again.shared, again.elements) == (0, 1, 2)
    assert (await fetched(provider, share_seconds=0))[0].requests == 1
    assert (await fetched(provider, tags={"landuse": "farm"}))[0].requests == 1


TOO_MUCH = b'{"elements": [], "remark": "runtime error: Query timed out"}'


@pytest.mark.parametrize(
    "refusal", [TOO_MUCH, OutgoingFailed(FailureReason.TOO_LARGE, "http://x", "the body is too large")]
)
async def test_what_is_too_much_is_asked_for_in_quarters(refusal: Script):
    result, _ = await fetched(ScriptedProvider(refusal))
    assert (result.pieces, result.requests) == (4, 5)


async def test_what_stays_too_much_fails_and_says_so():
    provider = ScriptedProvider(*[TOO_MUCH] * 1_000)
    with pytest.raises(Discard, match="can't answer even a small piece"):
        await fetched(provider)
    assert len(provider.queries) < 20


ERRORS: dict[str, tuple[Script, type[Exception], str]] = {
    "an error inside a 200": (
        b'{"elements": [], "remark": "runtime error: open64"}',
        Retry,
        "200 with an error",
    ),
    "a page inside a 200": (b"<strong>Error</strong>: busy <", Retry, "200 with an error: busy"),
    "half an answer": (b'{"elements": [', Retry, "is no JSON"),
    "a fault of the server": (500, Retry, "answered 500"),
    "a refusal": (400, Discard, "answered 400"),
    "a busy provider": (
        ProviderBusy("overpass", "it answered 429", 30),
        ProviderBusy,
        "called again in 30 s",
    ),
    "a dropped connection": (
        OutgoingFailed(FailureReason.BROKEN, "http://x", "it was cut"),
        OutgoingFailed,
        "cut",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
async def test_it_is_tried_again_or_not_after(name: str):
    told, kind, said = ERRORS[name]
    provider = ScriptedProvider(b"", told)
    with pytest.raises(kind, match=said) as error:
        await fetched(provider, piece_degrees=0.05)
    assert type(error.value) is kind
    assert len(provider.shared) == 1  # what is there is not asked for again
    assert (await fetched(provider, piece_degrees=0.05))[0].shared == 1
