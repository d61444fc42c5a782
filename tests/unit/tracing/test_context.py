"""The context of a program's own span goes along with what it submits, and only then."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider

from corral.actions.submissions.plain_submission import submission_of
from corral.client import Client, Connection
from corral.tracing import activation, trace_context
from corral.tracing.tracer import continued, span_context

CONTEXT = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
def heard() -> list[httpx2.Headers]:
    return []


@pytest.fixture
def client(heard: list[httpx2.Headers]) -> Iterator[Client]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        heard.append(request.headers)
        return httpx2.Response(201, json={"id": "1", "state": "completed"})

    with Client(
        Connection("http://127.0.0.1:1", None, "test"), transport=httpx2.MockTransport(answer)
    ) as made:
        yield made


def test_the_client_sends_it(client: Client, heard: list[httpx2.Headers]):
    with TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_as_current_span("mine") as span:
        client.submit("some.type")
        found = span.get_span_context()
    client.submit("some.type")
    assert heard[0]["traceparent"] == f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"
    assert "traceparent" not in heard[1]


def test_a_submission_in_python_carries_it():
    assert submission_of("some.type", {}, {}, "me").traceparent is None
    with continued(CONTEXT):
        assert submission_of("some.type", {}, {}, "me").traceparent == CONTEXT == trace_context.current()


@pytest.mark.parametrize("nothing", [f"00-{'0' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01"])
def test_a_context_that_names_no_span_is_none(nothing: str):
    assert span_context(nothing) is None
    with continued(nothing):
        assert trace_context.current() is None


def test_what_goes_wrong_with_spans_is_survived(caplog: Any):
    with activation.harmless():
        raise RuntimeError("a broken span")
    with pytest.raises(KeyboardInterrupt), activation.harmless():
        raise KeyboardInterrupt
