"""The client of one command."""

from collections.abc import Iterator
from contextlib import contextmanager

from corral.client import Client, Connection


@contextmanager
def client() -> Iterator[Client]:
    """A client of the publisher that the environment or `.corral/client.toml` names."""
    with Client(Connection.find()) as connected:
        yield connected
