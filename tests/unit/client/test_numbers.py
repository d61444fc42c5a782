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
@pytest.mark.parametrize(
    ("value", "said"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")]
)
def test_an_option_that_json_has_no_word_for_is_refused_by_name(
    client: Client, publisher: Publisher, field: str, value: float, said: str
):
    with pytest.raises(InvalidInput, match=f"/{field}: is {said}"):
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


@pytest.mark.parametrize("times", [1, 2, 1_001])
def test_a_payload_that_holds_itself_is_refused_by_its_place(
    client: Client, publisher: Publisher, times: int
):
    array: list[Any] = []
    array += [array] * times
    with pytest.raises(InvalidInput, match=r"^/payload/0: holds itself, which JSON can't"):
        client.submit("demo.echo", array)
    table: dict[str, Any] = {"a": 1}
    table["b"] = [{"c": table}] * times
    with pytest.raises(InvalidInput, match=r"^/payload/b/0/c: holds itself, which JSON can't"):
        client.submit("demo.echo", table)
    assert publisher.sent == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "is of the type object, which JSON does not have"),
        (b"x", "is of the type bytes, which JSON does not have"),
        (10**5000, "is a whole number of 5,001 digits;"),
        (-(10**5000) + 1, "is a whole number of 5,000 digits;"),
    ],
    ids=["object", "bytes", "digits", "fewer digits"],
)
def test_what_is_refused_is_called_by_its_name(client: Client, value: Any, reason: str):
    with pytest.raises(InvalidInput, match=f"^/payload: {reason}"):
        client.submit("demo.echo", value)


@pytest.mark.parametrize("wait", [math.nan, "5", True, [5]])
def test_a_wait_that_is_no_number_is_refused_by_name(client: Client, publisher: Publisher, wait: Any):
    for call in (
        lambda: client.submit("demo.echo", {}, wait=wait),
        lambda: client.post("/jobs", {}, wait=wait),
    ):
        with pytest.raises(InvalidInput, match=r"^/wait: is no number of seconds$"):
            call()
    with pytest.raises(InvalidInput, match=r"^/seconds: is no number of seconds$"):
        client.wait_for({"id": "x", "state": "queued"}, wait)
    with pytest.raises(InvalidInput, match=r"^/timeout: is no number of seconds$"):
        client.limit_slot("openai", timeout=wait)
    assert publisher.sent == []


def test_a_key_that_is_no_text_is_refused_by_name(client: Client, publisher: Publisher):
    with pytest.raises(InvalidInput, match=r"^/idempotency_key: is not 1 to 255 printable ASCII characters"):
        client.submit("demo.echo", {}, idempotency_key=5)  # type: ignore[arg-type]
    assert publisher.sent == []
