"""What Redis says of why it does not do its part, in words."""

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from corral.dispatch.connection import reason_of


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ReadOnlyError("You can't write against a read only replica."), "it is a read-only replica"),
        (ResponseError("READONLY You can't write against a read only replica."), "it is a read-only replica"),
        (ResponseError("OOM command not allowed when used memory > 'maxmemory'."), "its memory is full"),
        (
            ResponseError("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to"),
            "it can't save to its disk",
        ),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), "too few of its replicas"),
        (BusyLoadingError("Redis is loading the dataset in memory"), "it is still loading its data"),
        (AuthenticationError("Authentication required."), "it asks for a password"),
        (ResponseError("NOAUTH Authentication required."), "it asks for a password"),
        (
            ResponseError("WRONGPASS invalid username-password pair or user is disabled."),
            "it refuses the password",
        ),
        (
            AuthenticationError("invalid username-password pair or user is disabled."),
            "it refuses the password",
        ),
        (
            NoPermissionError("this user has no permissions to run the 'evalsha' command"),
            "its user may not do what Corral needs",
        ),
        (ResponseError("NOPERM No permissions to access a key"), "its user may not do what Corral needs"),
        (ResponseError("MOVED 3999 127.0.0.1:6381"), "it is a Redis Cluster"),
        (ClusterDownError("CLUSTERDOWN The cluster is down"), "it is a Redis Cluster"),
        (RedisTimeoutError("Timeout reading from socket"), "it does not answer in time"),
        (TimeoutError(), "it does not answer in time"),
        (RedisConnectionError("Connection refused."), "Connection refused."),
        (ResponseError(""), "ResponseError"),
    ],
)
def test_the_reason_is_told_in_words_and_as_it_was_said(error: Exception, told: str):
    reason = reason_of(error)
    assert reason.startswith(told)
    if str(error) and not isinstance(error, TimeoutError | RedisTimeoutError):
        assert str(error) in reason
