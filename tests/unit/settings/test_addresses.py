"""Passwords that are kept apart from the addresses they belong to."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from redis.asyncio.connection import parse_url
from sqlalchemy.engine import make_url

from corral.settings import Settings
from corral.settings.addresses import with_password

PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
SERVERS = {"CORRAL_DATABASE_URL": "postgresql://corral@db/x", "CORRAL_REDIS_URL": "redis://cache:6379/0"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@given(PASSWORDS)
def test_every_reader_of_an_address_finds_the_password_as_it_was(password):
    database = with_password(
        "postgresql://corral@db:5432/x?sslmode=verify-full&sslrootcert=/ca.crt", password
    )
    assert make_url(database).password == password
    assert make_url(database).query == {"sslmode": "verify-full", "sslrootcert": "/ca.crt"}
    found = conninfo_to_dict(database)
    assert (found["user"], found["password"], found["host"]) == ("corral", password, "db")
    redis = parse_url(with_password("rediss://cache:6380/2?ssl_ca_certs=/ca.crt", password))
    assert (redis["password"], redis["host"], redis["port"]) == (password, "cache", 6380)
    assert (redis["db"], redis["ssl_ca_certs"]) == (2, "/ca.crt")


@pytest.mark.parametrize(
    ("url", "completed"),
    [
        ("redis://cache", "redis://:pw@cache"),
        ("redis://me@cache/1", "redis://me:pw@cache/1"),
        ("redis://:own@cache", "redis://:own@cache"),
        ("redis://:@cache", "redis://:@cache"),
        ("unix:///run/redis.sock?db=1", "unix://:pw@/run/redis.sock?db=1"),
        ("postgresql://u@a:1,b:2/x", "postgresql://u:pw@a:1,b:2/x"),
        (
            "postgresql:///x?host=/run/pg&user=u&password=own",
            "postgresql:///x?host=/run/pg&user=u&password=own",
        ),
    ],
)
def test_an_address_with_a_password_of_its_own_keeps_it(url, completed):
    assert with_password(url, "pw") == completed


def test_the_passwords_complete_every_address_and_are_never_shown():
    env = SERVERS | {
        "CORRAL_DATABASE_PASSWORD": "p@ss/word%",
        "CORRAL_REDIS_PASSWORD": "re:dis",
        "CORRAL_DATABASE_DIRECT_URL": "postgresql://corral@direct/x",
    }
    reading = Settings.reading(env)
    settings = reading.settings
    assert unquote(urlsplit(settings.database_url).password or "") == "p@ss/word%"
    assert unquote(urlsplit(settings.direct_url).password or "") == "p@ss/word%"
    assert urlsplit(settings.direct_url).hostname == "direct"
    assert unquote(urlsplit(settings.redis_url).password or "") == "re:dis"
    shown = {one.name: one.value for one in reading.effective}
    assert shown["CORRAL_DATABASE_PASSWORD"] == shown["CORRAL_REDIS_PASSWORD"] == "********"
    assert shown["CORRAL_DATABASE_DIRECT_URL"] == "postgresql://corral:********@direct/x"
    for secret in ("p@ss", "p%40ss", "re:dis", "re%3Adis"):
        assert secret not in repr(settings)
        assert secret not in str(shown)


def test_without_a_direct_address_the_database_is_taken_for_unpooled():
    settings = Settings.load(SERVERS)
    assert (settings.direct_url, settings.pooled) == (settings.database_url, False)
    direct = Settings.load(SERVERS | {"CORRAL_DATABASE_DIRECT_URL": "postgresql://corral@direct/x"})
    assert (direct.direct_url, direct.pooled) == ("postgresql://corral@direct/x", True)
