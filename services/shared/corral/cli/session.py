"""The client of one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from corral.publisher_address import Connection

if TYPE_CHECKING:
    from corral.client import Client


@contextmanager
def client() -> "Iterator[Client]":
    """A client of the publisher that the environment or `.corral/client.toml` names."""
    connection = Connection.find()
    from corral.client import Client  # noqa: PLC0415  help and mistakes need no HTTP

    with Client(connection) as connected:
        yield connected
