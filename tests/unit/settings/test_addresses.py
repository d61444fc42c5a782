"""Passwords that are kept apart from the addresses they belong to."""

import traceback
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from redis.asyncio.connection import parse_url
from sqlalchemy.engine import make_url

from corral.errors import SettingsError
from corral.settings import Settings
from corral.settings.address_parts import with_password
from corral.settings.database_address import database_address
from corral.settings.masking import masked_address
from corral.settings.redis_address import redis_address

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


SECRET = st.lists(st.from_regex(r"[A-Za-z0-9]{6,10}", fullmatch=True), min_size=1, max_size=3)
RAW = st.text("@#?/%:&=+ ,;'\"[]\\~ä\n\t", min_size=1, max_size=3)
FORMS = (
    "postgresql://u:{}@h:5432/x",
    "postgresql://u:{}@h:5432/x?schema=public",
    "postgresql://u:{}@h:port/x",
    "postgresql://u:{}@a,b:x/y?pgbouncer=true",
    "postgresql://h/x?user=u&password={}",
    "postgresql://h/x?user=u&password={}&colour=red",
    "postgresql+asyncpg://u:{}@[::1/x",
    "postgresql:u:{}@h/x",
    "mysql://u:{}@h/x",
    "u:{}@h:5432/x",
    "host=h user=u password={}",
    "redis://:{}@h:6379/0",
    "redis://:{}@h/abc",
    "redis://h?password={}",
    "redis://h?Password={}",
    "redis://h?pass={}&colour=red",
    "redis://h?ssl_keyfile_password={}",
    "redis://:a@h?passwd={}",
    "postgresql://h/x?sslPassword={}",
    "postgresql://h/x?application_name=a&pwd={}",
    "rediss://me:{}@h?ssl_cert_reqs=maybe&ssl_password={}",
    "redis+sentinel://:{}@h/mymaster",
    "http://u:{}@h",
    ":{}@h",
)
WHERE = (
    "CORRAL_DATABASE_URL",
    "CORRAL_DATABASE_DIRECT_URL",
    "CORRAL_REDIS_URL",
    "CORRAL_PUBLIC_URL",
    "CORRAL_DATABSE_URL",
    "CORRAL_RDIS_URL",
    "CORRAL_DB",
    "CORRAL_HOST",
)


@given(SECRET, RAW, st.sampled_from(FORMS), st.sampled_from(WHERE), st.booleans())
def test_no_piece_of_a_password_is_ever_shown(pieces, raw, form, where, encoded):
    """Whatever characters it holds, wherever it was written, and whatever is wrong with the rest."""
    password = raw.join(pieces)
    text = form.replace("{}", quote(password, safe="") if encoded else password)
    try:
        reading = Settings.reading(SERVERS | {where: text})
    except SettingsError as error:
        shown = f"{error} {error!r} {traceback.format_exception(error)}"
        event("refused")
    else:
        shown = f"{reading.effective} {reading.settings!r}"
        event("taken")
    for piece in pieces:
        assert piece not in shown


@given(PASSWORDS.filter(lambda password: password.isprintable()), st.sampled_from(["postgresql", "redis"]))
def test_a_password_that_leaves_no_doubt_is_taken_as_it_was_written(password, scheme):
    """Only / and ? must be encoded: they end what stands before the host."""
    raw = password.replace("%", "%25").replace("/", "%2F").replace("?", "%3F")
    url = (database_address if scheme == "postgresql" else redis_address)(f"{scheme}://u:{raw}@h")
    found = conninfo_to_dict(url)["password"] if scheme == "postgresql" else parse_url(url)["password"]
    assert found == password


def test_the_line_end_of_a_secret_is_no_piece_of_the_password():
    settings = Settings.load(
        SERVERS | {"CORRAL_DATABASE_PASSWORD": "pw\n", "CORRAL_REDIS_PASSWORD": " p \r\n"}
    )
    assert settings.database_url == "postgresql://corral:pw@db/x"
    assert settings.redis_url == "redis://:%20p%20@cache:6379/0"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://h?pass=a&b=c&d=e", "redis://h?pass=********&********=********&********=********"),
        ("redis://h?colour=red&client_name=me", "redis://h?colour=********&client_name=me"),
        (
            "postgresql://h/x?password=a&b=c&user=u",
            "postgresql://h/x?password=********&********=********&user=u",
        ),
        ("postgresql://h/x?schema=public&sslmode=maybe", "postgresql://h/x?schema=public&sslmode=maybe"),
        ("redis://secret@h/x", "redis://********@h/x"),
        ("postgresql://me@h/x", "postgresql://me@h/x"),
        ("https://token@h/x?key=1", "https://********@h/x?key=********"),
    ],
)
def test_what_is_not_known_to_be_harmless_is_not_shown(text, shown):
    """Behind a parameter that may be a secret, what looks like the name of the next one may be a piece of it."""
    assert masked_address(text) == shown


@pytest.mark.parametrize(
    "url", ["redis://secret@h", "redis://h?username=secret", "unix://secret@/run/r.sock"]
)
def test_a_user_of_redis_without_a_password_is_refused_and_not_shown(url):
    servers = SERVERS | {"CORRAL_REDIS_URL": url}
    with pytest.raises(SettingsError, match="CORRAL_REDIS_URL: it names a user and no password") as error:
        Settings.load(servers)
    assert "secret" not in str(error.value)
    assert Settings.load(servers | {"CORRAL_REDIS_PASSWORD": "pw"}).redis_url.count(":pw@") == 1
    assert Settings.load(SERVERS | {"CORRAL_REDIS_URL": "redis://me:@h"}).redis_url == "redis://me:@h"


@pytest.mark.parametrize(
    "name", ["CORRAL_DATABASE_PASSWORD", "CORRAL_REDIS_PASSWORD", "CORRAL_SMTP_PASSWORD"]
)
def test_a_password_that_no_server_takes_is_refused_by_name(name):
    with pytest.raises(SettingsError, match=f"^{name}: .*it holds a NUL character") as error:
        Settings.load(SERVERS | {name: "se\0cret"})
    assert "cret" not in str(error.value)


def test_without_a_direct_address_the_database_is_taken_for_unpooled():
    settings = Settings.load(SERVERS)
    assert (settings.direct_url, settings.pooled) == (settings.database_url, False)
    direct = Settings.load(SERVERS | {"CORRAL_DATABASE_DIRECT_URL": "postgresql://corral@direct/x"})
    assert (direct.direct_url, direct.pooled) == ("postgresql://corral@direct/x", True)
