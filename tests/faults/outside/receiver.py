"""What is called: a real HTTP server, in a process of its own, that notes when each call came and judges it.

It is the stand-ins for providers, and one path more, `/calls/KIND/JOB/ATTEMPT/KEY/SECONDS`, that answers after so many
seconds. A call came when its bytes came to this machine, by the kernel's clock: a receiver that is late itself judges
nobody by that. `python -m tests.faults.outside.receiver` serves it.
"""

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.waiting import START, eventually

from corral_local.stand_in.http_server import StandInAnswer, StandInRequest, StandInServer
from corral_local.stand_in.providers import StandIns

HOST = "127.0.0.1"
KEY = "of-nobody"
ANSWER_SECONDS = 0.02
"""That a stand-in for a provider takes."""


@dataclass(slots=True)
class ReceivedCall:
    """One call, in Unix seconds, as Postgres on this machine."""

    kind: str
    job: str
    attempt: int
    key: str
    came: float
    answered: float = float("inf")


class Receiver:
    """The receiver's process, while in `with`."""

    def __init__(self, folder: Path) -> None:
        log = folder / "receiver.log"
        self._process = Process(
            "tests.faults.outside.receiver", environment=programs.environment(), log=log, folder=programs.ROOT
        )
        eventually(lambda: "http://" in log.read_text(), timeout=START)
        self.url = log.read_text().split()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()

    @property
    def count(self) -> int:
        """How many calls came."""
        found: int = self._told("noted")
        return found

    @property
    def calls(self) -> list[ReceivedCall]:
        """All calls."""
        return [ReceivedCall(**call) for call in self._told("calls")]

    def counts(self, provider: str) -> dict[str, Any]:
        """What the judge of a stand-in says."""
        found: dict[str, Any] = self._told("counts")[provider]
        return found

    def arrivals(self, provider: str) -> list[float]:
        """When requests to a stand-in came, in order."""
        found: list[float] = self._told(f"arrivals/{provider}")
        return sorted(found)

    def _told(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=60) as answer:
            return json.loads(answer.read())


class NotingStandIns:
    """The stand-ins, which note what comes."""

    def __init__(self, stand_ins: StandIns, clock: Callable[[], float] = time.time) -> None:
        self._stand_ins, self._clock = stand_ins, clock
        self._calls: list[ReceivedCall] = []
        self._arrivals: dict[str, list[float]] = {}

    async def respond(self, request: StandInRequest) -> StandInAnswer:
        """Answer a request, or say what came."""
        match request.path.strip("/").split("/"):
            case ["noted"]:
                return _json(len(self._calls))
            case ["calls"]:
                return _json([asdict(call) for call in self._calls])
            case ["calls", kind, job, attempt, key, seconds]:
                call = ReceivedCall(kind, job, int(attempt), key, request.came)
                self._calls.append(call)
                await asyncio.sleep(float(seconds))
                call.answered = self._clock()
                return StandInAnswer(200, b"ok")
            case ["arrivals", provider]:
                return _json(self._arrivals.get(provider, []))
            case [provider, *_]:
                self._arrivals.setdefault(provider, []).append(request.came)
        return await self._stand_ins.respond(request)


def _json(value: Any) -> StandInAnswer:
    return StandInAnswer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


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


def used(moments: list[float], n: float, per: float) -> float:
    """The share of a rate that was used in its whole windows; the moments are sorted."""
    windows = int((moments[-1] - moments[0]) / per)
    whole = sum(moment < moments[0] + windows * per for moment in moments)
    return whole / (windows * n)


async def _serve() -> None:
    stand_ins = NotingStandIns(StandIns(key=KEY, seconds=ANSWER_SECONDS))
    port = await StandInServer(stand_ins.respond).start(HOST, 0)
    sys.stdout.write(f"http://{HOST}:{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
