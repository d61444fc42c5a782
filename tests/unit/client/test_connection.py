"""Where the client finds its publisher, and how it tells what a publisher refused."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.cli.terminal.exit_codes import ExitCode, exit_code
from corral.client import Client, Connection, NotConfigured, Unreachable, problem_of
from corral.errors import FieldError

FILE = 'url = "http://file:1"\nkey = "of the file"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".corral").mkdir()
    (tmp_path / ".corral" / "client.toml").write_text(FILE)
    return tmp_path


def test_the_environment_goes_before_the_env_file_and_that_before_the_client_file(folder):
    assert Connection.find({}, folder) == Connection(
        "http://file:1", "of the file", str(folder / ".corral/client.toml"), here=True
    )
    (folder / ".env").write_text("CORRAL_URL=http://env-file:2/\nCORRAL_KEY=of the env file\n")
    assert Connection.find({}, folder) == Connection("http://env-file:2", "of the env file", ".env")
    named = {"CORRAL_URL": "http://env:3", "CORRAL_KEY": "of the environment"}
    assert Connection.find(named, folder) == Connection("http://env:3", "of the environment", "environment")


def test_another_publisher_never_gets_the_key_of_the_client_file(folder):
    assert Connection.find({"CORRAL_URL": "http://elsewhere"}, folder).key is None


def test_a_key_alone_replaces_that_of_the_client_file(folder):
    assert Connection.find({"CORRAL_KEY": "other"}, folder).key == "other"


@pytest.mark.parametrize("text", ["", "url = ", 'key = "x"'])
def test_without_an_address_it_says_how_to_get_one(folder, text):
    (folder / ".corral" / "client.toml").write_text(text)
    with pytest.raises(NotConfigured, match="corral up"):
        Connection.find({}, folder)


def test_a_problem_keeps_its_fields():
    body = {"title": "Wrong", "detail": "no", "errors": [{"pointer": "/payload/a", "detail": "is required"}]}
    error = problem_of(httpx2.Response(422, json=body))
    assert (error.status, error.title, error.fields) == (
        422,
        "Wrong",
        (FieldError("/payload/a", "is required"),),
    )
    assert exit_code(error) is ExitCode.WRONG


def test_another_folder_of_data_is_found_where_it_is_named(folder):
    (folder / "my data").mkdir()
    (folder / "my data" / "client.toml").write_text('url = "http://mine:2"\nkey = "k"\n')
    assert Connection.find({"CORRAL_DATA": "my data"}, folder).url == "http://mine:2"
    (folder / ".env").write_text("CORRAL_DATA=${WHERE:-my data}\n")
    assert Connection.find({}, folder).url == "http://mine:2"
    with pytest.raises(NotConfigured, match="name its folder in CORRAL_DATA"):
        Connection.find({"CORRAL_DATA": "elsewhere"}, folder)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "http://h:port",
        "http://h:0",
        "http://",
        "ftp://h",
        "http://[::1",
        "http://a b",
        "/x",
    ],
)
def test_what_is_no_address_is_refused_before_it_is_used(folder, url):
    with pytest.raises(NotConfigured, match=r"CORRAL_URL \(from environment\) is no address of a publisher"):
        Connection.find({"CORRAL_URL": url}, folder)


@pytest.mark.parametrize("key", ["sécret-key", "secret-key\nX-Other: 1"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(folder, key):
    with pytest.raises(NotConfigured, match="CORRAL_KEY is no key") as error:
        Connection.find({"CORRAL_KEY": key}, folder)
    assert "ret-key" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8000", "http://[::1", "http://h?token=s3cr3t", "http://h/#s3cr3t", "", None, "http://-é-"],
)
def test_an_address_that_is_written_down_is_checked_as_one_that_is_found(url):
    with pytest.raises(NotConfigured, match=r"\(from my settings\) is no address of a publisher") as error:
        Client(Connection(url, None, source="my settings"))
    assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize("key", ["s3cr3t-é", "s3cr3t\nX-Other: 1", 5])
def test_a_key_that_is_written_down_is_checked_as_one_that_is_found_and_not_shown(key):
    with pytest.raises(
        NotConfigured, match=r"the key \(from my settings\) is no key: keys are letters"
    ) as error:
        Connection("http://h", key, source="my settings")
    assert "s3cr3t" not in str(error.value)


def test_neither_the_key_nor_a_password_in_the_address_is_shown():
    connection = Connection("http://u:s3cr3t@127.0.0.1:1/sub", "my-key", "my settings")
    with Client(connection) as client, pytest.raises(Unreachable) as error:
        client.get("/queues")
    assert str(error.value).startswith("http://********@127.0.0.1:1/sub (from my settings) does not answer")
    for secret in ("s3cr3t", "my-key"):
        assert secret not in f"{error.value!r} {connection!r}"


def test_line_ends_and_quotes_around_an_address_and_a_key_are_no_piece_of_them(folder):
    found = Connection.find({"CORRAL_URL": '"http://h:1/"\r\n', "CORRAL_KEY": "k\n"}, folder)
    assert (found.url, found.key) == ("http://h:1", "k")


@pytest.mark.parametrize(
    ("connection", "direct"),
    [
        (Connection("http://127.0.0.1:8000", None, ""), True),
        (Connection("http://127.9.9.9", None, ""), True),
        (Connection("http://[::1]:8000", None, ""), True),
        (Connection("http://localhost:8000", None, ""), True),
        (Connection("http://a.localhost", None, ""), True),
        (Connection("http://192.168.1.5:8000", None, "", here=True), True),
        (Connection("http://192.168.1.5:8000", None, ""), False),
        (Connection("http://localhost.example.com", None, ""), False),
    ],
)
def test_no_proxy_leads_to_this_machine(connection, direct, monkeypatch):
    assert connection.direct is direct
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    if direct:
        Client(connection).close()
    else:
        with pytest.raises(NotConfigured, match=r"HTTP_PROXY, .*SSL_CERT_FILE can't be used on the way to"):
            Client(connection)


def test_a_proxy_on_the_way_is_named_when_nothing_answers(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with (
        Client(Connection("http://corral.example.com", None, ".env")) as client,
        pytest.raises(Unreachable, match=r"does not answer \(through HTTP_PROXY; NO_PROXY names hosts"),
    ):
        client.get("/queues")


def test_an_answer_that_is_no_json_is_told_as_what_it_is():
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, html="<p>Sign in</p>"))
    with (
        Client(Connection("http://elsewhere", None, ".env"), transport=transport) as client,
        pytest.raises(Unreachable, match=r"not as a publisher does \(with text/html, not JSON\)"),
    ):
        client.get("/queues")


@given(st.integers(400, 599), st.binary(max_size=200))
def test_whatever_answers_is_told_and_never_a_crash(status, body):
    error = problem_of(httpx2.Response(status, content=body))
    assert error.status == status
    assert exit_code(error) is not ExitCode.DONE


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The generated client of the example."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "examples" / "typed_definitions"))
    from typed_client import runtime  # noqa: PLC0415  made by corral codegen

    return runtime


def test_a_generated_client_shows_neither_its_key_nor_a_password(generated: Any):
    with (
        generated.Http("http://u:s3cr3t@127.0.0.1:1", "my-key") as client,
        pytest.raises(generated.Unreachable) as away,
    ):
        client.call("GET", "/queues")
    assert str(away.value).startswith("http://********@127.0.0.1:1/api/v1 does not answer: ")
    with pytest.raises(ValueError, match="the key is none: keys are letters") as refused:
        generated.Http("http://h", "s3cr3t\nX-Other: 1")
    assert "s3cr3t" not in f"{away.value} {refused.value}"


async def test_a_generated_client_with_an_event_loop_shows_no_password(generated: Any):
    async with generated.AsyncHttp("http://u:s3cr3t@127.0.0.1:1", "my-key") as client:
        with pytest.raises(generated.Unreachable, match=r"^http://\*+@127.0.0.1:1/api/v1 does not answer"):
            await client.call("GET", "/queues")
