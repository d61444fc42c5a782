"""Exit codes: one table from Corral's errors."""

from enum import IntEnum

from corral import errors
from corral.client import ApiProblem, NotConfigured, Unreachable
from corral.local.errors import PortHeld, SystemInUse


class Exit(IntEnum):
    """What the corral command ends with. docs/reference/cli.md lists them."""

    DONE = 0
    FAULT = 1
    """Corral itself went wrong, or something kept dying."""
    WRONG = 2
    """A setting, an argument or an input is wrong; nothing was done."""
    AWAY = 3
    """The publisher, Postgres or Redis can't be reached."""
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    """No key, a wrong key, or a role that may not."""
    CONFLICT = 6
    """Not possible in this state, or a port or a folder is in use."""
    JOB_FAILED = 7
    """The job that was waited for failed or was cancelled."""
    INTERRUPTED = 130
    """Ctrl-C."""


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
