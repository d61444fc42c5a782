"""The one connection per process that carries events: it publishes them, and hands those of others to listeners."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import answering
from corral.dispatch.event import Event, Gap, dump, parse
from corral.errors import Unavailable
from corral.waiting import doubling

log = structlog.get_logger(__name__)

MAX_UNSENT_EVENTS = 1000
"""Events that may wait to be sent; further ones are dropped, as they are only hints."""
UNHEARD_SECONDS = (0.025, 0.25)
"""While nobody hears events: the first and longest time between two that only say that there were some."""
LISTENER_LIMIT = 1000
LINGER_SECONDS = 30.0
"""For so long after a listener wanted events the process stays subscribed."""
SILENCE_SECONDS = 10.0
"""After so much silence the server is asked whether it is there; after twice as much it is not."""
SUBSCRIBE_SECONDS = 3.0
"""A listener waits so long for the subscription, then goes on and gets a `Gap` once it stands."""
RETRY_SECONDS = (0.05, 5.0)
"""First and longest wait before subscribing again."""


class Listener:
    """Events for one reader, to be iterated over. A slow reader loses events, never memory: it gets one `Gap` in their place."""

    def __init__(self, limit: int, wanted: Callable[[], bool] | None = None) -> None:
        self._limit = limit
        self._wanted = wanted
        self.missed = wanted is not None
        """Whether events may have come while none were wanted. Whoever wants them again looks at it, and sets it back.

        Until then the reader is told of no gap.
        """
        self._events: deque[Event | Gap] = deque()
        self._news = asyncio.Event()

    @property
    def awake(self) -> bool:
        """Whether this reader wants events now."""
        return self._wanted is None or self._wanted()

    def wants(self) -> bool:
        """The same for an event that has come; one that is not wanted is noted as missed."""
        awake = self.awake
        self.missed = self.missed or not awake
        return awake

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


class Events:
    """Publishes events, and hands those of others to this process' listeners.

    It is subscribed while a listener wants events. Redis answers how many heard an event: where nobody did, the next
    are not spelled out, and a `Gap` a few times a second stands for all of them, until somebody hears that.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        unheard_seconds: tuple[float, float] = UNHEARD_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self._redis = redis
        self._unheard_seconds, self._linger_seconds = unheard_seconds, linger_seconds
        self.heard = True
        """Whether anybody heard the last events."""
        self._gap_at, self._gap_wait = -math.inf, 0.0
        self._gap_timer: asyncio.TimerHandle | None = None
        self._unsent: list[bytes] = []
        self._sender: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()
        self._listeners: set[Listener] = set()
        self._wanted_at = 0.0
        self._closing = False

    async def publish(self, *events: Event) -> None:
        """Send events, soon: returns at once and never fails; what Redis does not take is dropped."""
        if not events:
            return
        if not self.heard:
            self.gap_soon()
            return
        room = MAX_UNSENT_EVENTS - len(self._unsent)
        if len(events) > room:
            metrics.EVENTS_DROPPED.inc(len(events) - room)
        self._send_soon(*[dump(event) for event in events[:room]])

    def gap_soon(self) -> None:
        """Say that something changed, and not what, because nobody heard the last events; soon, and once for all that follow."""
        if self._gap_timer is not None:
            return
        loop = asyncio.get_running_loop()
        first, longest = self._unheard_seconds
        since = loop.time() - self._gap_at
        self._gap_wait = first if since > 2 * longest else min(2 * self._gap_wait, longest)
        wait = self._gap_wait - since
        if wait <= 0:
            self._send_gap()
        else:
            self._gap_timer = loop.call_later(wait, self._send_gap)

    def wake(self) -> None:
        """Be subscribed: one of the listeners wants events from now on."""
        self.heard = True
        self._wanted_at = asyncio.get_running_loop().time()
        if self._reader is None and not self._closing:
            self._reader = asyncio.create_task(self._read_while_wanted(), name="events.read")

    async def subscribed(self, seconds: float) -> None:
        """The same, and wait until Redis has answered, for at most `seconds`."""
        self.wake()
        if not self._subscribed.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._subscribed.wait()

    @asynccontextmanager
    async def listen(
        self, limit: int = LISTENER_LIMIT, wanted: Callable[[], bool] | None = None
    ) -> AsyncIterator[Listener]:
        """A listener for everything published from now on, or of it for what comes while `wanted` says so.

        With `wanted`, call `wake` each time that it begins to say so.
        """
        listener = Listener(limit, wanted)
        if listener.awake:
            await self.subscribed(SUBSCRIBE_SECONDS)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def close(self) -> None:
        """Send what is still to be sent, and stop listening."""
        if self._gap_timer is not None:
            self._gap_timer.cancel()
            self._send_gap()
        if self._sender is not None:
            await self._sender
        self._closing = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def _send_gap(self) -> None:
        self._gap_timer = None
        self._gap_at = asyncio.get_running_loop().time()
        self._send_soon(dump(Gap()))

    def _send_soon(self, *texts: bytes) -> None:
        self._unsent += texts
        if self._unsent and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send(), name="events.send")

    async def _send(self) -> None:
        while self._unsent:
            batch, self._unsent = self._unsent, []
            try:
                async with answering(), self._redis.pipeline(transaction=False) as pipeline:
                    for event in batch:
                        pipeline.publish(key_names.EVENTS, event)
                    heard = await pipeline.execute()
            except Unavailable as error:
                metrics.REDIS_ERRORS.labels("publish").inc()
                metrics.EVENTS_DROPPED.inc(len(batch))
                log.warning("events.dropped", events=len(batch), error=str(error))
            else:
                self.heard = any(heard) or any(listener.awake for listener in self._listeners)

    async def _read_while_wanted(self) -> None:
        """Be subscribed until no listener has wanted events for a while; what they miss then, they know of."""
        waits = doubling(*RETRY_SECONDS)
        while self._wanted_lately():
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
        self._subscribed.clear()
        for listener in self._listeners:
            listener.missed = True
        self._reader = None

    def _wanted_lately(self) -> bool:
        now = asyncio.get_running_loop().time()
        if any(listener.awake for listener in self._listeners):
            self._wanted_at = now
        return not self._closing and now < self._wanted_at + self._linger_seconds

    async def _read(self, pubsub: PubSub) -> None:
        asked = False
        while self._wanted_lately():
            message = await pubsub.get_message(timeout=min(SILENCE_SECONDS, self._linger_seconds))
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
                self._tell_of_gap()
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

    def _tell_of_gap(self) -> None:
        for listener in self._listeners:
            if not listener.missed:
                listener.offer(Gap())
