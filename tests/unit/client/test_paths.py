"""What a client asks for: every part of a path and of a query reaches the publisher as it was given."""

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.cli.main import main
from corral.cli.terminal.exit_codes import ExitCode
from corral.client import ApiProblem, Client, Connection
from corral.errors import InvalidInput
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


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda client: client.get("/jobs/\n"), "^the path holds a character that can't be printed"),
        (lambda client: client.get("/jobs/\ud800"), "^the path holds bytes that are no text in UTF-8"),
        (lambda client: client.job("\udcff"), "^a name or an id holds bytes that are no text in UTF-8"),
        (lambda client: client.get("/jobs", tag="\ud800"), "^tag: the value holds bytes that are no text"),
        (lambda client: list(client.follow("\udcff")), "^a name or an id holds bytes that are no text"),
        (lambda client: client.download("/a\n").__enter__(), "^the path holds a character that can't be"),
    ],
)
def test_what_no_address_can_say_is_refused_before_it_is_sent(
    client: Client, publisher: Publisher, call: Callable[[Client], object], reason: str
):
    asked = len(publisher.asked)
    with pytest.raises(InvalidInput, match=reason):
        call(client)
    assert len(publisher.asked) == asked


@pytest.mark.parametrize(
    ("call", "pointer", "message"),
    [
        (
            lambda client: client.get("/jobs", type="a", tag="é" * 20_000),
            "tag",
            "has 20,000 characters, too many",
        ),
        (lambda client: client.job("x" * 70_000), "", f"{'x' * 20}… has 70,000 characters, too many"),
        (lambda client: client.job("é" * 30_000), "", f"{'é' * 20}… has 30,000 characters, too many"),
        (lambda client: client.download(f"/{'x' * 70_000}").__enter__(), "", "xx… has 70,000 characters"),
    ],
)
def test_what_is_too_long_for_an_address_is_named(
    client: Client, call: Callable[[Client], object], pointer: str, message: str
):
    with pytest.raises(ApiProblem) as error:
        call(client)
    [field] = error.value.fields
    assert field.pointer == pointer
    assert message in field.message


def test_what_a_publisher_finds_too_long_is_named_as_well():
    transport = httpx2.MockTransport(lambda _: httpx2.Response(414, text="Request line is too large"))
    with Client(Connection("http://publisher", None, "test"), transport=transport) as client:
        with pytest.raises(ApiProblem) as error:
            client.get("/jobs", error="x" * 40_000, tag="y")
        assert [str(one) for one in error.value.fields] == [
            "error: has 40,000 characters, too many for the address of a request"
        ]


def test_the_command_line_names_the_option_that_is_too_long(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setenv("CORRAL_URL", "http://127.0.0.1:1")
    for options, line in (
        (["--tag", "é" * 20_000], "  --tag: has 20,000 characters"),
        (["--search", f"name={'x' * 70_000}"], "  --search: has 70,000 characters"),
        (["--error", "\udcff"], "  --error: the value holds bytes that are no text in UTF-8"),
    ):
        monkeypatch.setattr("sys.argv", ["corral", "jobs", "list", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == ExitCode.WRONG
        assert line in capsys.readouterr().err
