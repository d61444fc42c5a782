"""Exit codes: one table from Corral's errors."""

from enum import IntEnum

from corral import errors
from corral.client import ApiProblem, NotConfigured, Unreachable
from corral.local.errors import PortHeld, SystemInUse


class Exit(IntEnum):
    """What the corral command ends with; `MEANING` says what each means."""

    DONE = 0
    FAULT = 1
    WRONG = 2
    AWAY = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    CONFLICT = 6
    JOB_FAILED = 7
    NOT_ENDED = 8
    INTERRUPTED = 130


MEANING = {
    Exit.DONE: "done",
    Exit.FAULT: "Corral itself went wrong, or a process of `corral up` kept dying",
    Exit.WRONG: "a setting, an argument or an input is wrong; nothing was done",
    Exit.AWAY: "the publisher, Postgres or Redis can't be reached, or the schema does not fit",
    Exit.NOT_FOUND: "there is nothing of that name",
    Exit.NOT_ALLOWED: "no key, a wrong key, or a role that may not",
    Exit.CONFLICT: "not possible in this state, or a port or a folder is in use",
    Exit.JOB_FAILED: "the job that was waited for failed or was cancelled; of a load, at least one",
    Exit.NOT_ENDED: "the job that was waited for did not end in time; it goes on",
    Exit.INTERRUPTED: "Ctrl-C",
}

_BY_STATUS = {
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
    503: Exit.AWAY,
}
_BY_ERROR: tuple[tuple[type[errors.CorralError], Exit], ...] = (
    (errors.SettingsError, Exit.WRONG),
    (errors.DeclarationError, Exit.WRONG),
    (errors.InvalidInput, Exit.WRONG),
    (NotConfigured, Exit.WRONG),
    (Unreachable, Exit.AWAY),
    (errors.Unavailable, Exit.AWAY),
    (errors.SchemaMismatch, Exit.AWAY),
    (errors.NotFound, Exit.NOT_FOUND),
    (errors.Unauthenticated, Exit.NOT_ALLOWED),
    (errors.Forbidden, Exit.NOT_ALLOWED),
    (errors.Conflict, Exit.CONFLICT),
    (PortHeld, Exit.CONFLICT),
    (SystemInUse, Exit.CONFLICT),
)


def exit_code(error: errors.CorralError) -> Exit:
    """The exit code of an error."""
    if isinstance(error, ApiProblem):
        return _BY_STATUS.get(error.status, Exit.WRONG if error.status < 500 else Exit.FAULT)
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.FAULT)
