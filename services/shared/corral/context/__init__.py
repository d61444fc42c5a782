"""What a handler receives beside its payload: `Context` in coroutines, `SyncContext` in threads and processes.

Both have the same names. `progress` and `log` never wait: they are buffered and written in batches.
What must be stored before the handler goes on (`checkpoint`, `submit`, `artifacts`) is awaited in a
coroutine and blocks elsewhere. A context is used by its own attempt only, and not after its end.
"""

from corral.context.artifacts import Artifacts, SyncArtifacts
from corral.context.attempt import Attempt
from corral.context.context import Context, Declared, SyncContext
from corral.context.line import Data, Line, Signals, Statistics, SubmitOptions, SyncLine

__all__ = [
    "Artifacts",
    "Attempt",
    "Context",
    "Data",
    "Declared",
    "Line",
    "Signals",
    "Statistics",
    "SubmitOptions",
    "SyncArtifacts",
    "SyncContext",
    "SyncLine",
]
