"""What a client asks for: every part of a path and of a query reaches the publisher as it was given."""

from urllib.parse import parse_qsl, unquote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.client import Client, Connection
from corral.http_client.api_request import path_of


class Publisher(httpx2.BaseTransport):
    """Keeps where requests went, and answers with an empty list."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.raw_path.decode())
        return httpx2.Response(200, json={"items": [], "next": None})

    @property
    def last(self) -> tuple[list[str], dict[str, str]]:
        """The segments of the last path, and its query."""
        path, _, query = self.asked[-1].partition("?")
        return [unquote(one) for one in path.split("/")[1:]], dict(parse_qsl(query, keep_blank_values=True))


@pytest.fixture(scope="module")
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture(scope="module")
def client(publisher: Publisher) -> Client:
    return Client(Connection("http://publisher", None, "test"), transport=publisher)


def test_a_status_narrows_the_deliveries_of_a_webhook(client: Client, publisher: Publisher):
    assert list(client.webhooks.deliveries("billing", status="delivered", limit=7)) == []
    assert publisher.last == (
        ["api", "v1", "webhooks", "billing", "deliveries"],
        {"status": "delivered", "limit": "7"},
    )


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_name_is_one_segment_whatever_it_holds(client: Client, publisher: Publisher, name: str):
    client.get(path_of("jobs", name, "artifacts"), after=3)
    assert publisher.last == (["api", "v1", "jobs", name, "artifacts"], {"after": "3"})


@pytest.mark.parametrize("name", [".", "..", "a/b", "a?b=c", "a#b", "%2e%2e", "100%", "ü ö"])
def test_a_name_leads_nowhere_else(client: Client, publisher: Publisher, name: str):
    client.limit(name)
    assert publisher.last == (["api", "v1", "limits", name], {})


def test_a_query_of_the_path_is_kept_beside_others(client: Client, publisher: Publisher):
    client.get("/jobs?state=failed&tag=", limit=2)
    assert publisher.last == (["api", "v1", "jobs"], {"state": "failed", "tag": "", "limit": "2"})
