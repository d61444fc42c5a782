"""The client of one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from corral.api_problem import ApiProblem
from corral.errors import FieldError
from corral.http_client.publisher_address import Connection

if TYPE_CHECKING:
    from corral.client import Client


@contextmanager
def client() -> "Iterator[Client]":
    """A client of the publisher that the environment or `.corral/client.toml` names."""
    connection = Connection.find()
    from corral.client import Client  # noqa: PLC0415  help and mistakes need no HTTP

    with Client(connection) as connected:
        yield connected


@contextmanager
def options_named(**options: str) -> Iterator[None]:
    """What the publisher says about a parameter is said about the option that it came from: `created_after="--since"`."""
    try:
        yield
    except ApiProblem as error:
        error.fields = tuple(
            FieldError(options.get(one.pointer, one.pointer), one.message) for one in error.fields
        )
        raise
