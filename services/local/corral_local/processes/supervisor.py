"""Starts processes, starts them again when they end, and gives up on a process that keeps ending."""

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from corral_local.errors import KeepsDying, LocalServerError
from corral_local.processes.processes import POLL_SECONDS, ProgramProcess, SupervisedProcess

MAX_DEATHS = 5
"""Ends of one process within `DEATHS_WINDOW_SECONDS` after which it is not started again."""
DEATHS_WINDOW_SECONDS = 60.0
"""Seconds."""
FIRST_WAIT_SECONDS = 0.5
"""Seconds before the first restart. Each further end within the same minute doubles the wait."""


@dataclass(slots=True)
class Restarts:
    """The unexpected ends of one process."""

    total: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def died(self, now: float) -> float | None:
        """Count an end at `now` (monotonic seconds). Returns the seconds to wait; None when it ended too often."""
        self.total += 1
        self._recent.append(now)
        while self._recent[0] <= now - DEATHS_WINDOW_SECONDS:
            self._recent.popleft()
        return None if len(self._recent) >= MAX_DEATHS else FIRST_WAIT_SECONDS * 2 ** (len(self._recent) - 1)

    def recent(self, now: float) -> int:
        """Unexpected ends within the last minute."""
        return sum(death > now - DEATHS_WINDOW_SECONDS for death in self._recent)


Say = Callable[[str], None]
"""Prints one line for the person at the terminal."""


class Supervisor:
    """Keeps processes running until each is let go."""

    def __init__(self, say: Say, changed: Callable[[], None]) -> None:
        """Begin without processes. `changed` is called when a process was started or ended."""
        self._say, self._changed = say, changed
        self.died: Callable[[SupervisedProcess], None] = lambda _: None
        """Called when a process ended that was not told to."""
        self._kept: dict[str, SupervisedProcess] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._restarts: dict[str, Restarts] = {}
        self.gave_up: asyncio.Future[LocalServerError] = asyncio.get_running_loop().create_future()
        """Completed when a process ended too often."""

    @property
    def kept(self) -> list[SupervisedProcess]:
        """The processes that are kept running."""
        return list(self._kept.values())

    def restarts(self, name: str | None = None) -> int:
        """Number of restarts, of one process or of all."""
        return sum(r.total for n, r in self._restarts.items() if name in (None, n))

    async def keep(self, kept: SupervisedProcess) -> None:
        """Start a process, and start it again whenever it ends.

        Raises:
            LocalServerError: the first start failed.
        """
        await self.try_out(kept)
        self.trust(kept)

    async def try_out(self, kept: SupervisedProcess) -> None:
        """Start a process on trial: it is not started again until it is trusted.

        Raises:
            LocalServerError: it did not start.
        """
        self._kept[kept.name] = kept
        await kept.start()
        self._changed()

    def trust(self, kept: SupervisedProcess) -> None:
        """Start the process again whenever it ends, from now on."""
        self._restarts.setdefault(kept.name, Restarts())
        self._tasks[kept.name] = asyncio.create_task(self._watch(kept), name=f"keep {kept.name}")

    def rotate_logs(self) -> None:
        """Rotate long logs. Those of servers are rotated when the servers start."""
        for kept in self._kept.values():
            if isinstance(kept, ProgramProcess):
                kept.log.rotate()

    async def let_go(self, kept: SupervisedProcess, grace: float) -> None:
        """Stop a process for good; kill it after `grace` seconds."""
        self.forget(kept)
        try:
            await kept.stop(grace)
        finally:
            self._kept.pop(kept.name, None)
            self._changed()

    def forget(self, kept: SupervisedProcess) -> None:
        """Do not start the process again when it ends, from now on."""
        task = self._tasks.pop(kept.name, None)
        if task is not None:
            task.cancel()

    async def _watch(self, kept: SupervisedProcess) -> None:
        while True:
            while kept.running:  # noqa: ASYNC110  a process that ends sets no event
                await asyncio.sleep(POLL_SECONDS)
            self._changed()
            self.died(kept)
            if not await self._revive(kept):
                return

    async def _revive(self, kept: SupervisedProcess) -> bool:
        """Wait and start the process again; False when it ended too often."""
        restarts, clock = self._restarts[kept.name], asyncio.get_running_loop().time
        how = ending(kept.exit_code)
        while True:
            wait = restarts.died(clock())
            if wait is None:
                self._give_up(KeepsDying(kept.name, how, kept.log.path, kept.tail()))
                return False
            self._say(
                f"{kept.name} {how}; starting it again in {wait:g} s "
                f"({restarts.recent(clock())} in the last minute, log: {kept.log.path})"
            )
            await asyncio.sleep(wait)
            try:
                await kept.start()
            except LocalServerError as error:
                how = f"did not start: {error}"
                continue
            self._changed()
            self._say(f"{kept.name} is back (restart {restarts.total})")
            return True

    def _give_up(self, error: LocalServerError) -> None:
        if not self.gave_up.done():
            self.gave_up.set_result(error)


def ending(code: int | None) -> str:
    """An exit code in words; 128 + number is a signal."""
    if code is None:
        return "is gone"
    if code > 128:
        try:
            return f"was ended by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    return f"ended with exit code {code}"
