"""What the duties that submit jobs have in common: job types, and the way by which jobs come into being."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from corral.actions.submissions.submit import Submitter
from corral.actions.submissions.traced_submitter import submitter_class
from corral.actions.submissions.type_cache import TypeCache
from corral.dispatch import Dispatch
from corral.maintenance.duty import Duty
from corral.settings import Settings
from corral.store import Store


class SubmittingDuty(Duty):
    """A duty whose rounds submit jobs: `_submitter` is open while it is performed."""

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._settings = settings
        self._clock = clock
        self._types = TypeCache(store, settings.installation_options)

    async def __aenter__(self) -> Self:
        """Open the way by which jobs come into being."""
        self._submitter: Submitter = submitter_class().configured(
            self._settings, self._store, self._dispatch, self._types
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand over what was submitted."""
        await self._submitter.close()
