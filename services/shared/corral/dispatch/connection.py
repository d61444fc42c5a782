"""Connections to Redis, and what it means when they fail."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from corral.errors import Unavailable

ANSWER_SECONDS = 3.0
"""No command takes longer, or Redis counts as away. A rebuild of a million entries takes one."""
CONNECT_SECONDS = 2.0
POOL = 16
"""Connections of one process for ordinary commands; more callers wait their turn."""


def connect(url: str, *, answer_seconds: float | None = ANSWER_SECONDS, connections: int = POOL) -> Redis:
    """A client of its own pool. Connects at the first command.

    A broken connection is replaced once, at once, which a restarted server needs;
    a server that does not answer is not asked twice.
    """
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=ANSWER_SECONDS,
        socket_timeout=answer_seconds,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        health_check_interval=0,
    )
    return Redis.from_pool(pool)


@contextmanager
def answering() -> Iterator[None]:
    """Turns whatever goes wrong between here and Redis into one fact.

    Raises:
        Unavailable: Redis is away, hangs, is loading, read-only or out of memory.
    """
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable("redis", str(error) or type(error).__name__) from error


def text_of(answer: bytes | str) -> str:
    """An answer as text; redis-py's types leave open which of the two it is."""
    return answer.decode() if isinstance(answer, bytes) else answer
