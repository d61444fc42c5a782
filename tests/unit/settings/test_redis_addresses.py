"""Addresses of Redis as people have them: each is taken, as redis-py then reads it, or refused with what to write."""

import pytest
from redis.asyncio import BlockingConnectionPool, UnixDomainSocketConnection
from redis.asyncio.connection import SSLConnection, parse_url

from corral.errors import SettingsError
from corral.settings import Settings
from corral.settings.redis_address import redis_address

H = {"host": "h", "port": 6379, "db": 0, "password": "pw"}
TLS = {"connection_class": SSLConnection}
TAKEN = {
    "redis://:pw@h:6379/0": H,
    "REDIS://:pw@h:6379/0": H,
    "valkey://:pw@h:6379/0": H,
    "redis://:pw@h:6379/0\n": H,
    '"redis://:pw@h:6379/0"': H,
    "redis://:pw@h:6379/0?": H,
    "redis://:pw@h:6379": {"host": "h", "port": 6379, "password": "pw"},
    "redis://:pw@h:6379/": {"host": "h", "port": 6379, "password": "pw"},
    "redis://h": {"host": "h"},
    "redis://": {"host": "localhost"},
    "redis:///3": {"host": "localhost", "db": 3},
    "redis://h/15": {"host": "h", "db": 15},
    "redis://h/16": {"host": "h", "db": 16},
    "redis://h/0/": {"host": "h", "db": 0},
    "redis://h?db=3": {"host": "h", "db": 3},
    "redis://h/3?db=3": {"host": "h", "db": 3},
    "redis://:pw@h/3?db=3&password=pw&db=3": {"host": "h", "db": 3, "password": "pw"},
    "redis+tls://h?virtual_host=3": {"host": "h", "db": 3} | TLS,
    "redis://me:pw@h:6379/0": H | {"username": "me"},
    "redis://me@h": {"host": "h", "username": "me"},
    "redis://default:pw@h:6379/0": H | {"username": "default"},
    "redis://h:6379/0?username=me&password=pw": H | {"username": "me"},
    "redis://:@h": {"host": "h"},
    "redis://:pa#ss@h:6379/0": H | {"password": "pa#ss"},
    "redis://:p@ss@h:6379/0": H | {"password": "p@ss"},
    "redis://:a:b@h:6379/0": H | {"password": "a:b"},
    "redis://:p w+&=@h:6379/0": H | {"password": "p w+&="},
    "redis://:100%@h:6379/0": H | {"password": "100%"},
    "redis://:p%40%2F%3F%23@h:6379/0": H | {"password": "p@/?#"},
    "redis://:pw@[::1]:6379/0": H | {"host": "::1"},
    "rediss://:pw@h:6379/0": H | TLS,
    "valkeys://:pw@h:6379/0": H | TLS,
    "rediss://h?ssl_cert_reqs=none": {"host": "h", "ssl_cert_reqs": "none"} | TLS,
    "rediss://h?ssl_cert_reqs=CERT_REQUIRED": {"host": "h", "ssl_cert_reqs": "required"} | TLS,
    "rediss://h?ssl_ca_certs=/ca/ca.crt&ssl_check_hostname=False": {
        "host": "h", "ssl_ca_certs": "/ca/ca.crt", "ssl_check_hostname": False,
    } | TLS,
    "redis://h?protocol=3&client_name=me": {"host": "h", "protocol": 3, "client_name": "me"},
    "unix:///run/redis.sock": {"path": "/run/redis.sock", "connection_class": UnixDomainSocketConnection},
    "unix://:pw@/run/redis.sock?db=1": {
        "path": "/run/redis.sock", "db": 1, "password": "pw", "connection_class": UnixDomainSocketConnection,
    },
    "redis+socket:///run/redis.sock": {"path": "/run/redis.sock", "connection_class": UnixDomainSocketConnection},
}  # fmt: skip
REFUSED = {
    "": "scheme",
    "h": "scheme",
    "localhost:6379": "scheme",
    "h:6379/0": "scheme",
    "http://h:6379": "no address of Redis",
    "tcp://h:6379": "no address of Redis",
    "redis://h/abc": "not the number of a database",
    "redis://h/-1": "not the number of a database",
    "redis://h/0/1": "not the number of a database",
    "redis://h/1.5": "not the number of a database",
    "redis://h?db=abc": "db is not the number of a database",
    "redis://h?db=-1": "db is not the number of a database",
    "redis://h:port/0": "port is not a number",
    "redis://h:99999/0": "port is not a number",
    "redis+sentinel://h:26379/mymaster/0": "asks no Sentinel",
    "sentinel://h1,h2/mymaster": "asks no Sentinel",
    "redis+cluster://h1:6379,h2:6379": "not on a cluster",
    "redis://h1:6379,h2:6379": "not on a cluster",
    "redis://::1/0": r"IPv6 address stands in brackets, as in \[::1\](?!:5432)",
    "redis://h?socket_timeout=5": "socket_timeout: .*time limits",
    "redis://h?decode_responses=true": "decode_responses: .*Corral sets it itself",
    "redis://h?max_connections=x": "max_connections: .*Corral sets it itself",
    "redis://h?ssl=true": "ssl: .*rediss://",
    "redis://h?ssl_cert_reqs=none": "ssl_cert_reqs is for TLS: write rediss://",
    "rediss://h?ssl_cert_reqs=maybe": "ssl_cert_reqs is one of required, optional, none",
    "rediss://h?ssl_ca_cert=/x": "ssl_ca_cert: .*did you mean ssl_ca_certs",
    "redis://h?family=0": "family: leave it out",
    "redis://h?sslmode=require": "sslmode: it is a parameter of Postgres",
    "redis://h?db": "something other than name=value",
    "redis://:p/w@h/0": "raw @",
    "redis://:p?w@h/0": "raw @",
    "redis://h/0#x": "raw #",
    "unix://run/redis.sock": "three slashes",
    "unix://": "names no socket",
    "redis://:p\tw@h/0": "line break or another character",
    "redis://h?password=a&b=c": "in a password write & as %26",
    "redis://h?Password=a": "the parameter Password: Corral does not know it; did you mean password",
    "redis://h?pass=a": "the parameter pass: write password",
    "redis://h?AUTH=a": "the parameter AUTH: write password",
    "redis://h/1?db=3": "the parameter db says something else than the number behind the host",
    "redis://h?db=1&db=3": "the parameter db stands there twice, with different values",
    "redis://:a@h?password=b": "the parameter password says something else than the password before the host",
    "redis://a:x@h?username=b": "the parameter username says something else than the user before the host",
    "redis://:p%ffw@h": "what is written with % there is no text in UTF-8",
    "redis://h?password=%ff": "what is written with % there is no text in UTF-8",
}


@pytest.mark.parametrize(("text", "meaning"), TAKEN.items())
def test_a_form_that_people_have_means_what_they_mean(text, meaning):
    assert parse_url(redis_address(text)) == meaning
    assert redis_address(redis_address(text)) == redis_address(text)


@pytest.mark.parametrize("text", TAKEN)
def test_the_client_takes_every_parameter_that_is_let_through(text):
    BlockingConnectionPool.from_url(redis_address(text)).make_connection()


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_what_cannot_be_meant_is_refused_with_the_reason_and_the_form(text, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=reason):
        redis_address(text)
    with pytest.raises(SettingsError, match=reason) as error:
        Settings.load({"CORRAL_REDIS_URL": text, "CORRAL_DATABASE_URL": "postgresql://h/x"})
    [line] = str(error.value).splitlines()
    assert line.startswith("CORRAL_REDIS_URL: ")
    assert "as redis://:password@host:6379/0" in line
