"""How a stand-in behaves for its next requests: as real providers do on bad days."""

import asyncio
from collections import deque
from collections.abc import Iterable
from enum import StrEnum

from corral_local.stand_in.http_server import StandInAnswer

SLOW_SECONDS = 3_600.0


class Mood(StrEnum):
    """What happens to one request."""

    GOOD = "good"
    BUSY = "busy"
    """429 with Retry-After: 1."""
    TIMEOUT = "timeout"
    """504, as a gateway says it."""
    ERROR = "error"
    """200, and an error in the body."""
    TOO_MUCH = "too-much"
    """200, and in the body that the query takes too much time."""
    SLOW = "slow"
    """No answer as long as anybody waits."""
    DROPPED = "dropped"
    """The connection is closed without an answer."""
    CUT = "cut"
    """The connection is closed in the middle of the answer."""


class Moods:
    """The moods of the requests that come next; good ones after them."""

    def __init__(self) -> None:
        self._next: deque[Mood] = deque()

    def follow(self, moods: Iterable[Mood]) -> None:
        """Behave so, one after the other."""
        self._next.extend(moods)

    def take(self) -> Mood:
        """The mood of the request that is here."""
        return self._next.popleft() if self._next else Mood.GOOD


async def moody(mood: Mood, good: StandInAnswer, error: bytes, too_much: bytes) -> StandInAnswer:
    """The answer in that mood."""
    if mood is Mood.SLOW:
        await asyncio.sleep(SLOW_SECONDS)
    answers = {
        Mood.GOOD: good,
        Mood.BUSY: StandInAnswer(429, b"too many requests", {"Retry-After": "1"}),
        Mood.TIMEOUT: StandInAnswer(504, b"gateway timeout"),
        Mood.ERROR: StandInAnswer(200, error, good.headers),
        Mood.TOO_MUCH: StandInAnswer(200, too_much, good.headers),
        Mood.CUT: StandInAnswer(200, good.body, good.headers, cut=True),
    }
    dropped = StandInAnswer(200, dropped=True)
    return {**answers, Mood.DROPPED: dropped}.get(mood, dropped)
