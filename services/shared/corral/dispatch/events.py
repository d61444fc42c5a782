"""Events: hints that something changed, as values, and the one connection per process that carries them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import answering
from corral.errors import Unavailable
from corral.waiting import doubling


@dataclass(frozen=True, slots=True)
class JobsChanged:
    """These jobs entered a state (one of corral.job.state.State)."""

    state: str
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Progressed:
    """A running job says how far it is."""

    id: UUID
    percent: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Logged:
    """These jobs have new log lines."""

    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """A queue was paused, resumed, cleaned or set."""

    queue: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Events were missed: read the rows again. Made by the listener's own process, never sent."""


Event = JobsChanged | Progressed | Logged | QueueChanged


def dump(event: Event) -> bytes:
    """An event as JSON."""
    match event:
        case JobsChanged(state=state, ids=ids):
            return orjson.dumps({"k": "jobs", "s": state, "ids": ids})
        case Progressed(id=job, percent=percent, message=message):
            return orjson.dumps({"k": "progress", "id": job, "p": percent, "m": message})
        case Logged(ids=ids):
            return orjson.dumps({"k": "logs", "ids": ids})
        case QueueChanged(queue=queue):
            return orjson.dumps({"k": "queue", "q": queue})


def parse(text: bytes) -> Event | None:
    """The event that JSON spells; None for a kind that a newer release may know.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        said = orjson.loads(text)
        match said["k"]:
            case "jobs":
                return JobsChanged(str(said["s"]), tuple(map(UUID, said["ids"])))
            case "progress":
                return Progressed(UUID(said["id"]), int(said["p"]), said["m"])
            case "logs":
                return Logged(tuple(map(UUID, said["ids"])))
            case "queue":
                return QueueChanged(str(said["q"]))
            case _:
                return None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event: {text[:100]!r}") from error


class Listener:
    """Events for one reader, to be iterated over. A slow reader loses events, never memory: it gets one `Gap` in their place."""

    def __init__(self, limit: int, wanted: Callable[[], bool] | None = None) -> None:
        self._limit = limit
        self._wanted = wanted
        self.missed = False
        """Whether events came while none were wanted. Whoever wants them again looks at it, and sets it back."""
        self._events: deque[Event | Gap] = deque()
        self._news = asyncio.Event()

    def wants(self) -> bool:
        """Whether this reader wants events now; otherwise it notes that it misses one."""
        if self._wanted is None or self._wanted():
            return True
        self.missed = True
        return False

    def offer(self, event: Event | Gap) -> None:
        """Add an event; never blocks."""
        if isinstance(event, Gap) or len(self._events) >= self._limit:
            metrics.EVENTS_DROPPED.inc(sum(not isinstance(old, Gap) for old in self._events))
            self._events.clear()
            event = Gap()
        self._events.append(event)
        self._news.set()

    def taken(self) -> list[Event | Gap]:
        """All events that are there now, without waiting."""
        events = list(self._events)
        self._events.clear()
        return events

    async def get(self) -> Event | Gap:
        """The next event; waits for it."""
        while not self._events:
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    async def __aiter__(self) -> AsyncIterator[Event | Gap]:
        while True:
            yield await self.get()


log = structlog.get_logger(__name__)

MAX_UNSENT_EVENTS = 1000
"""Events that may wait to be sent; further ones are dropped, as they are only hints."""
LISTENER_LIMIT = 1000
SILENCE_SECONDS = 10.0
"""After so much silence the server is asked whether it is there; after twice as much it is not."""
SUBSCRIBE_SECONDS = 3.0
"""A listener waits so long for the subscription, then goes on and gets a `Gap` once it stands."""
RETRY_SECONDS = (0.05, 5.0)
"""First and longest wait before subscribing again."""


class Events:
    """Publishes events, and hands those of others to this process' listeners."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._unsent: list[bytes] = []
        self._sender: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()
        self._listeners: set[Listener] = set()
        self._closing = False

    async def publish(self, *events: Event) -> None:
        """Send events, soon: returns at once and never fails; what Redis does not take is dropped."""
        room = MAX_UNSENT_EVENTS - len(self._unsent)
        if len(events) > room:
            metrics.EVENTS_DROPPED.inc(len(events) - room)
        self._unsent += [dump(event) for event in events[:room]]
        if self._unsent and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send(), name="events.send")

    @asynccontextmanager
    async def listen(
        self, limit: int = LISTENER_LIMIT, wanted: Callable[[], bool] | None = None
    ) -> AsyncIterator[Listener]:
        """A listener for everything published from now on, or of it for what comes while `wanted` says so."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_for_ever(), name="events.read")
        with suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_SECONDS):
                await self._subscribed.wait()
        listener = Listener(limit, wanted)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def close(self) -> None:
        """Send what is still to be sent, and stop listening."""
        if self._sender is not None:
            await self._sender
        self._closing = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _send(self) -> None:
        while self._unsent:
            batch, self._unsent = self._unsent, []
            try:
                async with answering(), self._redis.pipeline(transaction=False) as pipeline:
                    for event in batch:
                        pipeline.publish(key_names.EVENTS, event)
                    await pipeline.execute()
            except Unavailable as error:
                metrics.REDIS_ERRORS.labels("publish").inc()
                metrics.EVENTS_DROPPED.inc(len(batch))
                log.warning("events.dropped", events=len(batch), error=str(error))

    async def _read_for_ever(self) -> None:
        waits = doubling(*RETRY_SECONDS)
        while not self._closing:
            try:
                async with self._redis.pubsub() as pubsub:
                    async with answering():
                        await pubsub.subscribe(key_names.EVENTS)
                    await self._read(pubsub)
            except (Unavailable, RedisError, OSError, TimeoutError) as error:
                if self._subscribed.is_set():  # until now it went well
                    waits = doubling(*RETRY_SECONDS)
                self._subscribed.clear()
                wait = next(waits)
                metrics.REDIS_ERRORS.labels("subscribe").inc()
                log.warning("events.lost", error=str(error), retry_in=wait)
                await asyncio.sleep(wait)

    async def _read(self, pubsub: PubSub) -> None:
        asked = False
        while not self._closing:
            message = await pubsub.get_message(timeout=SILENCE_SECONDS)
            if message is None:
                if asked:
                    raise RedisConnectionError("no answer to a ping")
                async with answering():
                    await pubsub.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "subscribe":
                # Also after a connection that redis-py mended by itself.
                self._hand_out(Gap())
                self._subscribed.set()
            elif message["type"] == "message":
                self._receive(message["data"])

    def _receive(self, text: bytes) -> None:
        readers = [listener for listener in self._listeners if listener.wants()]
        if not readers:
            return  # reading the ids of a thousand jobs takes a millisecond
        try:
            event = parse(text)
        except ValueError as error:
            metrics.SWALLOWED.labels("events.receive").inc()
            log.warning("events.unreadable", error=str(error))
            return
        if event is not None:
            for listener in readers:
                listener.offer(event)

    def _hand_out(self, event: Gap) -> None:
        for listener in self._listeners:
            listener.offer(event)
