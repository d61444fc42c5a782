"""The client of one command."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from corral.api_problem import ApiProblem
from corral.errors import FieldError, InvalidInput
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
    """What the publisher says about a parameter, or the client before it asks, is said about the option that it came from: `created_after="--since"`."""

    def named(fields: Iterable[FieldError]) -> tuple[FieldError, ...]:
        return tuple(FieldError(options.get(one.pointer, one.pointer), one.message) for one in fields)

    try:
        yield
    except ApiProblem as error:
        error.fields = named(error.fields)
        raise
    except InvalidInput as error:
        error.errors = named(error.errors)
        raise
