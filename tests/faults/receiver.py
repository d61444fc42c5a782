"""A provider that is called: a real HTTP server that notes when each call came and when it was answered."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass(slots=True)
class ReceivedCall:
    """One call, by the receiver's own clock (Unix seconds, as Postgres on this machine)."""

    kind: str
    job: str
    attempt: int
    key: str
    came: float
    answered: float = float("inf")


class Receiver:
    """Listens while in `with`, in a thread of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.calls: list[ReceivedCall] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="receiver", daemon=True)
        self._server: asyncio.Server

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, HOST, 0, backlog=512)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not mine]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
            kind, job, attempt, key, seconds = request.strip("/").split("/")
            call = ReceivedCall(kind, job, int(attempt), key, self._clock())
            self.calls.append(call)
            await asyncio.sleep(float(seconds))
            call.answered = self._clock()
            writer.write(ANSWER)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def most_at_once(calls: Iterable[ReceivedCall]) -> int:
    """The most calls that were under way at one moment."""
    steps = sorted(step for call in calls for step in ((call.came, 1), (call.answered, -1)))
    most = running = 0
    for _, change in steps:
        running += change
        most = max(most, running)
    return most


def busy(calls: Iterable[ReceivedCall], since: float, until: float) -> float:
    """How many calls were under way on average between two moments."""
    seconds = sum(max(0.0, min(call.answered, until) - max(call.came, since)) for call in calls)
    return seconds / (until - since)


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The most of these moments that lie in one window of so many seconds."""
    ordered = sorted(moments)
    most = first = 0
    for last, moment in enumerate(ordered):
        while ordered[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
