"""The client sends and reads every number with its digits, and never sends NaN as null."""

import math
from typing import Any

import httpx2
import pytest

from corral.client import Client, Connection
from corral.errors import InvalidInput


class Publisher(httpx2.BaseTransport):
    """Keeps what was sent, and answers with it as a job's result."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request.read())
        return httpx2.Response(201, content=b'{"state":"completed","result":%s}' % self.sent[-1])


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def client(publisher: Publisher) -> Client:
    return Client(Connection("http://publisher", None, "test"), transport=publisher)


@pytest.mark.parametrize("number", [2**53 + 1, 2**70, -(10**400), 0.1, 1e300, None])
def test_numbers_come_back_as_they_were_sent(client: Client, number: Any):
    assert client.submit("demo.echo", {"n": [number]})["result"]["payload"] == {"n": [number]}


@pytest.mark.parametrize("field", ["delay", "timeout", "expires_in"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_option_that_json_has_no_word_for_is_refused_by_name(
    client: Client, publisher: Publisher, field: str, value: float
):
    with pytest.raises(InvalidInput, match=f"/{field}: is {value}"):
        client.submit("demo.echo", {}, **{field: value})
    assert publisher.sent == []


@pytest.mark.parametrize(
    "value", [math.nan, object(), 10**5000, {1: 2}], ids=["NaN", "object", "digits", "key"]
)
def test_a_payload_that_json_has_no_word_for_is_refused_by_its_place(
    client: Client, publisher: Publisher, value: Any
):
    with pytest.raises(InvalidInput, match=r"^/payload/items/1: "):
        client.submit("demo.echo", {"items": [None, value]})
    assert publisher.sent == []
