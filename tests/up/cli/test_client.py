"""The Python client against a running system: what its page shows, and what it does where no answer comes."""

import os
import re
from pathlib import Path

import httpx2
import pytest
from tests.fixtures.local_system import Up

from corral.client import Client, Connection, Unreachable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "submit-from-python.md"


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (0, "queued"),
        (1, "{'hello': 'world'}"),
        (2, "100 jobs were stored"),
        (3, "the same job: True"),
        (4, "/payload/seconds"),
        (5, "completed"),
    ],
)
def test_the_page_about_submitting_from_python_is_true(
    system: Up, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, printed: str
):
    found = re.findall(r"^```python\n(.*?)^```$", HOW_TO.read_text(), re.MULTILINE | re.DOTALL)
    examples = [
        example for example in found if "TransactionClient" not in example
    ]  # its own example is run elsewhere
    assert (len(found), len(examples)) == (7, 6)
    monkeypatch.chdir(system.folder)
    for name in [name for name in os.environ if name.startswith("CORRAL_")]:
        monkeypatch.delenv(name)
    exec(compile(examples[number], str(HOW_TO), "exec"), {})
    assert printed in capsys.readouterr().out


class DropsAnswers(httpx2.HTTPTransport):
    """Delivers every request, and loses the answers to the first ones."""

    left = 2

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if self.left:
            self.left -= 1
            response.close()
            raise httpx2.ReadError("the connection broke", request=request)
        return response


def test_a_client_sends_a_request_with_a_key_again_and_no_other(system: Up):
    connection = Connection.find({}, system.folder)
    first, second = DropsAnswers(), DropsAnswers()
    with Client(connection, transport=first, reconnect_seconds=0.01) as client:
        job = client.submit("demo.echo", 1, delay=600, tags=["dropped"], idempotency_key="dropped")
        assert [one["id"] for one in client.get("/jobs", tag="dropped")["items"]] == [job["id"]]
    assert first.left == 0
    with Client(connection, transport=second) as client:
        with pytest.raises(Unreachable):
            client.submit("demo.echo", 1, delay=600)
        assert second.left == 1, "without a key it may be stored, and is not sent again"
