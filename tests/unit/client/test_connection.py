"""Where the client finds its publisher, and how it tells what a publisher refused."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.cli.exits import Exit, exit_code
from corral.client import Connection, NotConfigured, problem_of
from corral.errors import FieldError

FILE = 'url = "http://file:1"\nkey = "of the file"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".corral").mkdir()
    (tmp_path / ".corral" / "client.toml").write_text(FILE)
    return tmp_path


def test_the_environment_goes_before_the_env_file_and_that_before_the_client_file(folder):
    assert Connection.find({}, folder) == Connection(
        "http://file:1", "of the file", str(folder / ".corral/client.toml")
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
    error = problem_of(httpx.Response(422, json=body))
    assert (error.status, error.title, error.fields) == (
        422,
        "Wrong",
        (FieldError("/payload/a", "is required"),),
    )
    assert exit_code(error) is Exit.WRONG


@given(st.integers(400, 599), st.binary(max_size=200))
def test_whatever_answers_is_told_and_never_a_crash(status, body):
    error = problem_of(httpx.Response(status, content=body))
    assert error.status == status
    assert exit_code(error) is not Exit.DONE
