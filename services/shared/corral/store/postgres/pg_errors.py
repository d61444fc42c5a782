"""What an error of Postgres means to a caller: the one table of this edge."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from corral.errors import Conflict, FieldError, InvalidInput, Refused, SchemaMismatch, Unavailable
from corral.store.postgres.json_text import HOLDS_HALF


class Ambiguous(Unavailable):
    """The connection was lost, or no answer came in time: the transaction may have been committed."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of the driver and the pool as errors of Corral.

    Raises:
        Unavailable: no connection, no answer, or the server refuses work.
        Refused: no lock, or too slow: this statement alone.
        InvalidInput: a value that Postgres can't hold, such as a NUL or a lone surrogate, or that nobody
            could read back; nothing was stored.
        Conflict: there is such a row already; nothing was stored.
        SchemaMismatch: the tables are not there (yet).
    """
    try:
        yield
    except (psycopg.Error, OSError, UnicodeEncodeError, TimeoutError) as error:
        raise _meaning(error) from error


def _meaning(error: BaseException) -> BaseException:  # noqa: PLR0911  # a row each
    """The error that a caller should see; the error itself where it is a fault of Corral."""
    match error:
        case UnicodeEncodeError():
            return InvalidInput(FieldError("", HOLDS_HALF))
        case errors.CheckViolation():
            return InvalidInput(_refused(error))
        case errors.UniqueViolation():
            return Conflict(f"it is stored already: {error.diag.message_detail or _first_line(error)}")
        case psycopg.DataError():
            said = "it contains a NUL character (\\u0000)" if _about_nul(error) else _first_line(error)
            return InvalidInput(FieldError("", f"Postgres can't hold this value: {said}"))
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.InvalidSchemaName():
            return SchemaMismatch(
                f"the database's schema does not fit: {_first_line(error)}; run corral migrate up", wait=True
            )
        case TimeoutError():
            return Unavailable("postgres", "no answer in time")
        case errors.ReadOnlySqlTransaction():
            return Unavailable("postgres", READ_ONLY)
        case psycopg.Error() | OSError() if isinstance(error, _AWAY):
            kind = Refused if isinstance(error, _ONE_STATEMENT) else Unavailable
            return kind("postgres", _first_line(error) or type(error).__name__)
        case _:
            return error


def _about_nul(error: psycopg.DataError) -> bool:
    """Whether a NUL was in a text: the driver refuses it, or in JSON the server, which calls it an escape."""
    if isinstance(error, errors.UntranslatableCharacter):
        return "\\u0000" in (error.diag.message_detail or "")
    return "NUL (0x00)" in str(error)


def _refused(error: errors.CheckViolation) -> FieldError:
    """The column that a constraint guards; constraints are named `<table>_<column>_check`."""
    table, name = error.diag.table_name or "", error.diag.constraint_name or ""
    column = name.removeprefix(f"{table}_").removesuffix("_check")
    return FieldError(
        f"/{column}", f"Postgres refuses this value: nobody could read it back (constraint {name})"
    )


READ_ONLY = (
    "it takes no writes: it is a standby, or default_transaction_read_only is on for this database or role"
)
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    errors.InsufficientPrivilege,
    OSError,
)
"""Postgres is not there, or does not do what it is asked, whatever the statement."""
_ONE_STATEMENT = (
    errors.QueryCanceled,
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
)
"""Of these the ones that say so of one statement."""


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
