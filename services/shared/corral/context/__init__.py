"""What a handler receives beside its payload: `Context` in coroutines, `SyncContext` in threads and processes.

Both have the same names. `progress` and `log` never wait: they are buffered and written in batches.
What must be stored before the handler goes on (`checkpoint`, `submit`, `artifacts`) is awaited in a
coroutine and blocks elsewhere. A context is used by its own attempt only, and not after its end.
"""

from corral.context.artifacts import Artifacts, SyncArtifacts
from corral.context.attempt import Attempt
from corral.context.batch import BatchedJob, BatchJob, SyncBatchJob
from corral.context.context import Context, Declared
from corral.context.link import (
    ContextLink,
    Data,
    FollowUpOptions,
    LinkSignals,
    Statistics,
    SubmitOptions,
    SyncContextLink,
    UploadedFile,
)
from corral.context.sync_context import SyncContext

__all__ = [
    "Artifacts",
    "Attempt",
    "BatchJob",
    "BatchedJob",
    "Context",
    "ContextLink",
    "Data",
    "Declared",
    "FollowUpOptions",
    "LinkSignals",
    "Statistics",
    "SubmitOptions",
    "SyncArtifacts",
    "SyncBatchJob",
    "SyncContext",
    "SyncContextLink",
    "UploadedFile",
]
