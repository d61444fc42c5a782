"""Exit codes: one table from Corral's errors."""

from enum import IntEnum

from corral import errors
from corral.api_problem import ApiProblem, NotConfigured, Unreachable
from corral.codegen.errors import OutputInUse, TemplateFault


class ExitCode(IntEnum):
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
    STALE = 9
    BREAKING = 10
    INTERRUPTED = 130


MEANING = {
    ExitCode.DONE: "done",
    ExitCode.FAULT: "Corral itself went wrong, or a process of `corral up` kept dying",
    ExitCode.WRONG: "a setting, an argument or an input is wrong; nothing was done",
    ExitCode.AWAY: "the publisher, Postgres, Redis or the address that was named can't be reached, or the schema does not fit",
    ExitCode.NOT_FOUND: "there is nothing of that name",
    ExitCode.NOT_ALLOWED: "no key, a wrong key, or a role that may not",
    ExitCode.CONFLICT: "not possible in this state, or a port or a folder is in use",
    ExitCode.JOB_FAILED: "the job that was waited for failed or was cancelled; of a load, at least one",
    ExitCode.NOT_ENDED: "the job that was waited for did not end in time; it goes on",
    ExitCode.STALE: "generated code is not what its job types say: `corral codegen` makes it anew",
    ExitCode.BREAKING: "the same, and programs that use the old code would break; the output says in which order to deploy",
    ExitCode.INTERRUPTED: "Ctrl-C",
}

_BY_STATUS = {
    401: ExitCode.NOT_ALLOWED,
    403: ExitCode.NOT_ALLOWED,
    404: ExitCode.NOT_FOUND,
    409: ExitCode.CONFLICT,
    503: ExitCode.AWAY,
}
_BY_ERROR: tuple[tuple[type[errors.CorralError], ExitCode], ...] = (
    (errors.SettingsError, ExitCode.WRONG),
    (errors.DeclarationError, ExitCode.WRONG),
    (errors.InvalidInput, ExitCode.WRONG),
    (errors.OutgoingRefused, ExitCode.WRONG),
    (NotConfigured, ExitCode.WRONG),
    (TemplateFault, ExitCode.WRONG),
    (Unreachable, ExitCode.AWAY),
    (errors.Unavailable, ExitCode.AWAY),
    (errors.OutgoingFailed, ExitCode.AWAY),
    (errors.SchemaMismatch, ExitCode.AWAY),
    (errors.NotFound, ExitCode.NOT_FOUND),
    (errors.Unauthenticated, ExitCode.NOT_ALLOWED),
    (errors.Forbidden, ExitCode.NOT_ALLOWED),
    (errors.Conflict, ExitCode.CONFLICT),
    (OutputInUse, ExitCode.CONFLICT),
)


def exit_code(error: errors.CorralError) -> ExitCode:
    """The exit code of an error."""
    if isinstance(error, ApiProblem):
        return _BY_STATUS.get(error.status, ExitCode.WRONG if error.status < 500 else ExitCode.FAULT)
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.FAULT)
