import ssl
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address

import pytest
import trustme
from tests.integration.outgoing.server import Server, listening

from corral.errors import FailureReason, OutgoingFailed
from corral.outgoing.addresses import Address
from corral.outgoing.client import OutgoingClient
from corral.outgoing.policy import AddressPolicy

OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"
"""Two addresses of this machine: the one that is allowed here stands for the internet."""


class Names:
    """A name server: each question takes the next answer of its name, the last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[Address]:
        self.asked.append(host)
        answers = self.answers.get(host)
        if answers is None:
            raise OutgoingFailed(FailureReason.NAME, host, "its name has no address")
        return [ip_address(text) for text in (answers.pop(0) if len(answers) > 1 else answers[0])]


@pytest.fixture
def names() -> Names:
    names = Names()
    names.answers = {
        "outside.test": [[OUTSIDE]],
        "other.test": [[OUTSIDE]],
        "inside.test": [[INSIDE]],
        "mixed.test": [[OUTSIDE, INSIDE]],
        "nobody.test": [[]],
    }
    return names


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("outside.test").configure_cert(context)
    return context


@pytest.fixture
async def client(names: Names, trusting: ssl.SSLContext) -> AsyncIterator[OutgoingClient]:
    async with OutgoingClient(AddressPolicy([f"{OUTSIDE}/32"]), resolver=names, tls=trusting) as client:
        yield client


@pytest.fixture
async def outside() -> AsyncIterator[Server]:
    async with listening(OUTSIDE) as server:
        yield server


@pytest.fixture
async def inside(outside: Server) -> AsyncIterator[Server]:
    """What must not be reached, on the same port."""
    async with listening(INSIDE, port=outside.port) as server:
        yield server


@pytest.fixture
async def secure(certified: ssl.SSLContext) -> AsyncIterator[Server]:
    async with listening(OUTSIDE, certified) as server:
        yield server
