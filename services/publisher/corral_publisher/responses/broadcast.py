"""Collects events into numbered frames, three a second, which all streams of this process share."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from corral.dispatch import Dispatch
from corral.dispatch.event import Event, Gap, JobsChanged, Logged, Progressed, QueueChanged
from corral.dispatch.events import Listener
from corral_publisher.responses.event_stream import event

FRAME_SECONDS = 0.3
"""Seconds between two frames. Events within that time are sent together."""
SUBSCRIBE_SECONDS = 1.0
"""A stream begins after so long also where Redis does not answer; it reads the rows by itself."""
MAX_FRAMES = 200
"""Frames kept for clients that reconnect: about one minute."""
MAX_IDS = 2_000
"""Ids in one frame. A frame with more has `gap` instead, and readers read the rows again."""


@dataclass(frozen=True)
class Frame:
    """The events of a third of a second, merged."""

    epoch: str
    """Of the broadcast that numbers it."""
    number: int
    events: tuple[tuple[str, dict[str, Any]], ...]
    """Name and content of each event, as clients get it."""
    ids: frozenset[UUID]
    gap: bool
    """Events were missed: anything may have changed."""

    def touches(self, job_id: UUID) -> bool:
        """Whether this job may have changed."""
        return self.gap or job_id in self.ids

    @property
    def id(self) -> str:
        """What a client that reconnects names as the last that it got."""
        return f"{self.epoch}-{self.number}"

    @cached_property
    def text(self) -> bytes:
        """The frame as streams send it. Made once, however many streams there are; the last event has the id."""
        *first, (name, data) = self.events
        return b"".join([*(event(*one) for one in first), event(name, data, self.id)])


class Broadcast:
    """Collects events into frames that all streams of this process share, while at least one stream reads them."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._frames: deque[Frame] = deque(maxlen=MAX_FRAMES)
        self._number = 0
        self._readers = 0
        self._listener: Listener | None = None
        self._news: asyncio.Future[None] | None = None
        self.epoch = secrets.token_hex(4)
        """Identifies this process, because each process numbers its frames itself."""

    @property
    def number(self) -> int:
        """The number of the newest frame."""
        return self._number

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Count one reader. Frames are made while there are readers; what came while there were none is forgotten."""
        self._readers += 1
        try:
            await self._dispatch.events.subscribed(SUBSCRIBE_SECONDS)
            if self._listener is not None and self._listener.missed:
                self._listener.missed = False
                self._forget()
            yield
        finally:
            self._readers -= 1

    async def run(self) -> None:
        """Make frames. Runs as long as the process."""
        async with self._dispatch.events.listen(wanted=lambda: self._readers > 0) as listener:
            self._listener = listener
            while True:
                gathered = _Gathered()
                gathered.add(await listener.get())
                if self._readers == 0:
                    self._forget()
                    continue
                loop = asyncio.get_running_loop()
                end = loop.time() + FRAME_SECONDS
                try:
                    async with asyncio.timeout_at(end):
                        while True:
                            gathered.add(await listener.get())
                except TimeoutError:
                    self._append(gathered)

    async def after(self, number: int, seconds: float) -> list[Frame]:
        """Wait for frames after `number` and return them; an empty list where none comes within `seconds`."""
        if self._number <= number:
            try:
                async with asyncio.timeout(seconds):
                    await self._next()
            except TimeoutError:
                return []
        return [frame for frame in self._frames if frame.number > number]

    def resume(self, last_event_id: str | None) -> tuple[int, bool]:
        """Where a reconnecting client continues: the number of its last frame, and whether it missed frames."""
        if not last_event_id:
            return self._number, False
        epoch, _, text = last_event_id.partition("-")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
        oldest = self._frames[0].number if self._frames else self._number + 1
        if epoch == self.epoch and oldest - 1 <= number <= self._number:
            return number, False
        return self._number, True

    async def _next(self) -> None:
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._news)

    def _append(self, gathered: "_Gathered") -> None:
        self._number += 1
        self._frames.append(gathered.frame(self.epoch, self._number))
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    def _forget(self) -> None:
        """Drop the kept frames after events were lost: a client that reconnects is told of a gap."""
        self._number += 1
        self._frames.clear()


class _Gathered:
    """The events of one frame, merged."""

    def __init__(self) -> None:
        self._states: dict[str, dict[UUID, None]] = {}
        self._progress: dict[UUID, Progressed] = {}
        self._logged: dict[UUID, None] = {}
        self._queues: dict[str, None] = {}
        self._ids = 0
        self._gap = False

    def add(self, said: Event | Gap) -> None:
        match said:
            case JobsChanged(state=state, ids=ids):
                self._states.setdefault(state, {}).update(dict.fromkeys(ids))
                self._ids += len(ids)
            case Progressed(id=job_id):
                self._progress[job_id] = said
            case Logged(ids=ids):
                self._logged.update(dict.fromkeys(ids))
            case QueueChanged(queue=queue):
                self._queues[queue] = None
            case Gap():
                self._gap = True

    def frame(self, epoch: str, number: int) -> Frame:
        if self._gap or self._ids > MAX_IDS:
            return Frame(epoch, number, (("gap", {}),), frozenset(), gap=True)
        events: list[tuple[str, dict[str, Any]]] = [
            ("jobs", {"state": state, "ids": list(ids)}) for state, ids in self._states.items()
        ]
        events += [
            ("progress", {"id": job_id, "progress": one.percent, "message": one.message})
            for job_id, one in self._progress.items()
        ]
        if self._logged:
            events.append(("logs", {"ids": list(self._logged)}))
        events += [("queue", {"queue": queue}) for queue in self._queues]
        ids = frozenset().union(self._progress, self._logged, *self._states.values())
        return Frame(epoch, number, tuple(events), ids, gap=False)
