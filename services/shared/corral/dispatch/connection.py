"""Connections to Redis, and what it means when they fail."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from corral.errors import Refused, Unavailable

ANSWER_SECONDS = 3.0
"""Seconds that a command may take; after that Redis counts as away."""
CONNECT_SECONDS = 2.0
WRONG_KIND = "WRONGTYPE"
"""How Redis begins to say that a key holds something else than the command asks for: of one key, not of all."""
MAX_CONNECTIONS = 16
"""Connections of one process for ordinary commands; more callers wait their turn."""


def connect(url: str, *, connections: int = MAX_CONNECTIONS) -> Redis:
    """A client with a pool of connections of its own. It connects at the first command.

    It has no timeout of its own for answers: redis-py's costs a task per command, and on Python 3.11 such
    a task swallows a cancel that comes at the wrong moment. `answering` has one. A broken connection is replaced once, at once, which a restarted server needs;
    a server that does not answer is not asked twice.
    """
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=ANSWER_SECONDS,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        health_check_interval=0,
    )
    return Redis.from_pool(pool)


@asynccontextmanager
async def answering(seconds: float = ANSWER_SECONDS) -> AsyncIterator[None]:
    """Turn whatever goes wrong between here and Redis into one kind of error; an answer that takes too long, too.

    Raises:
        Unavailable: Redis is away, hangs, is loading, read-only or out of memory.
        Refused: a key holds something else than Corral puts there.
    """
    with translated():
        async with asyncio.timeout(seconds):
            yield


@contextmanager
def translated() -> Iterator[None]:
    """Translate Redis' errors as `answering` does, for a client that has timeouts of its own.

    Raises:
        Unavailable: as `answering`.
    """
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        kind = Refused if str(error).startswith(WRONG_KIND) else Unavailable
        raise kind("redis", reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """Why Redis does not do what it is asked: in plain words, with Redis' own behind them."""
    said = str(error)
    if isinstance(error, TimeoutError | RedisTimeoutError):
        return "it does not answer in time"
    return next(
        (f"{words} ({said})" for sign, words in _REASONS if sign in said), said or type(error).__name__
    )


_REASONS = (
    ("READONLY", "it is a read-only replica: name the primary"),
    ("read only replica", "it is a read-only replica: name the primary"),
    ("maxmemory", "its memory is full, so it takes nothing new"),
    ("OOM ", "its memory is full, so it takes nothing new"),
    ("MISCONF", "it can't save to its disk, so it takes no writes"),
    ("NOREPLICAS", "too few of its replicas are connected, so it takes no writes"),
    ("LOADING", "it is still loading its data"),
    ("loading the dataset", "it is still loading its data"),
    ("NOAUTH", "it asks for a password"),
    ("Authentication required", "it asks for a password"),
    ("WRONGPASS", "it refuses the password"),
    ("invalid username-password", "it refuses the password"),
    ("NOPERM", "its user may not do what Corral needs"),
    ("has no permissions", "its user may not do what Corral needs"),
    ("permissions to", "its user may not do what Corral needs"),
    ("MOVED", "it is a Redis Cluster; Corral needs one server, or a primary with replicas"),
    ("CLUSTERDOWN", "it is a Redis Cluster; Corral needs one server, or a primary with replicas"),
    ("cluster", "it is a Redis Cluster; Corral needs one server, or a primary with replicas"),
    (WRONG_KIND, "a key holds something else than Corral puts there"),
)
"""How Redis, or redis-py for it, begins or words a refusal, and what it means here."""


def text_of(answer: bytes | str) -> str:
    """An answer as text; redis-py's types leave open which of the two it is. What is no text is no error."""
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer
