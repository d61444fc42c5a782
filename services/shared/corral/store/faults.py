"""What an error of Postgres means to a caller: the one table of this edge."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from sqlalchemy import exc

from corral.errors import FieldError, InvalidInput, SchemaMismatch, Unavailable


class Ambiguous(Unavailable):
    """The connection was lost, or no answer came in time: the transaction may have been committed."""


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the driver and the pool become Corral's.

    Raises:
        Unavailable: no connection, no answer, no lock, or the server refuses work.
        InvalidInput: a value that Postgres can't hold, such as a NUL or a lone surrogate.
        SchemaMismatch: the tables are not there (yet).
    """
    try:
        yield
    except exc.DBAPIError as error:
        if error.orig is None:
            raise
        raise _meaning(error.orig) from error.orig
    except exc.TimeoutError as error:
        raise Unavailable("postgres", "every connection of the pool is in use") from error
    except (psycopg.Error, OSError, UnicodeEncodeError, TimeoutError) as error:
        raise _meaning(error) from error


def _meaning(error: BaseException) -> BaseException:
    """The error that a caller should see; itself when it is a fault of ours."""
    match error:
        case UnicodeEncodeError():
            return InvalidInput(FieldError("", "the text holds a lone surrogate"))
        case psycopg.DataError():
            return InvalidInput(FieldError("", f"Postgres can't hold this value: {_first_line(error)}"))
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.InvalidSchemaName():
            return SchemaMismatch(
                f"the database's schema does not fit: {_first_line(error)}; run corral migrate up", wait=True
            )
        case TimeoutError():
            return Unavailable("postgres", "no answer in time")
        case psycopg.OperationalError() | psycopg.InterfaceError() | psycopg.InternalError() | OSError():
            return Unavailable("postgres", _first_line(error) or type(error).__name__)
        case _:
            return error


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
