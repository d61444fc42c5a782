"""Of libpq's variables only those count that say who we are and guard the line; see corral.store.postgres.connection."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import pq

from corral.errors import Unavailable
from corral.store import Store
from corral.store.postgres.connection import HONOURED, connect, connect_parameters

HOSTILE = {
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGDATABASE": "nothing",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nowhere/pgpass",
    "PGOPTIONS": "-c nonsense=1",
    "PGAPPNAME": "other",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGCONNECT_TIMEOUT": "none",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "sometimes",
    "PGTZ": "Asia/Kathmandu",
    "PGDATESTYLE": "German",
    "PGGEQO": "off",
    "PGMINPROTOCOLVERSION": "9.9",
    "PGMAXPROTOCOLVERSION": "9.9",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLROOTCERT": "system",
    "PGSSLCERT": "/nowhere.crt",
    "PGSSLKEY": "/nowhere.key",
    "PGSSLCERTMODE": "require",
    "PGSSLCRL": "/nowhere.crl",
    "PGSSLMINPROTOCOLVERSION": "TLSv9",
    "PGSSLCOMPRESSION": "1",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "gss",
    "PGREQUIREPEER": "root",
    "PGGSSENCMODE": "require",
    "PGGSSDELEGATION": "1",
    "PGKRBSRVNAME": "x",
    "PGREQUIRESSL": "1",
    "PGREALM": "x",
    "PGSYSCONFDIR": "/nowhere",
    "PGSERVICEFILE": "/nowhere/pg_service.conf",
}
REFUSED_BY_ALL = {
    "PGSERVICE": "missing",
    "PGTZ": "Mars/Olympus",
    "PGDATESTYLE": "Martian",
    "PGGEQO": "perhaps",
}
"""With these no connection of libpq's can be opened, whatever it says."""


def _open(url: str) -> tuple[object, ...]:
    with connect(url, "corral test") as connection:
        row = connection.execute(
            "SELECT current_setting('timezone'), current_setting('datestyle'), current_setting('client_encoding'),"
            " current_setting('application_name'), current_user"
        ).fetchone()
        assert row is not None
        return row


def test_no_variable_of_libpq_reaches_an_embedded_server(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = _open(database_url)
    assert wanted == ("UTC", "ISO, MDY", "UTF8", "corral test", "corral")
    for variable, value in HOSTILE.items():
        monkeypatch.setenv(variable, value)
    assert _open(database_url) == wanted
    known = {(option.envvar or b"").decode() for option in pq.Conninfo.get_defaults()} - {"", "PGSERVICE"}
    assert known - {"PGSSLCRLDIR", "PGSSLMAXPROTOCOLVERSION", "PGSSLSNI", "PGGSSLIB"} <= set(HOSTILE)


async def test_a_store_opens_in_a_hostile_environment(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (HOSTILE | REFUSED_BY_ALL).items():
        monkeypatch.setenv(variable, value)
    store = Store.open(database_url, pool_size=1)
    try:
        await store.schema.check()
        assert await store.database.hot("SELECT 1", {}) == [(1,)]
    finally:
        await store.close()


@pytest.mark.parametrize("variable", REFUSED_BY_ALL)
def test_a_variable_with_which_nobody_can_connect_is_dropped_and_told(
    database_url: str, variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, REFUSED_BY_ALL[variable])
    assert _open(database_url)[0] == "UTC"
    assert variable not in os.environ
    said = capsys.readouterr()
    assert variable in said.out + said.err


@pytest.mark.parametrize("variable", ["PGTZ", "PGDATESTYLE", "PGGEQO"])
def test_a_variable_that_handlers_may_use_stays(
    database_url: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, HOSTILE[variable])
    assert _open(database_url)[:2] == ("UTC", "ISO, MDY")
    assert os.environ[variable] == HOSTILE[variable]


def test_identity_and_the_guard_of_the_line_come_from_the_environment_where_the_address_is_silent(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(database_url)
    bare = f"postgresql://corral@127.0.0.1:{parts.port}{parts.path}"
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"127.0.0.1:*:*:corral:{parts.password}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    assert _open(bare)[-1] == "corral"
    monkeypatch.setenv("PGSSLMODE", "require")
    with pytest.raises(psycopg.OperationalError, match=r"from the environment count PGSSLMODE\)"):
        connect(bare, "corral test")
    assert _open(f"{bare}?sslmode=prefer")[-1] == "corral"


async def test_an_address_that_leads_nowhere_says_why_without_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    store = Store.open("postgresql://u:s3cr3t-w0rd@127.0.0.1:1,127.0.0.1:2/x", pool_size=1)
    try:
        with pytest.raises(Unavailable, match=r"refused.*from the environment count PGSSLMODE") as error:
            await store.schema.check()
        assert "s3cr3t" not in str(error.value)
    finally:
        await store.close()


def test_every_parameter_that_the_environment_could_fill_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = connect_parameters("postgresql://a,b/x", "corral")
    open_ones = {
        (option.envvar or b"").decode()
        for option in pq.Conninfo.get_defaults()
        if option.envvar and option.keyword.decode() not in said
    }
    assert open_ones - {"PGSERVICE"} <= set(HONOURED)
    assert said["target_session_attrs"] == "read-write"


def test_of_several_servers_the_one_that_answers_and_takes_writes_is_used(database_url: str) -> None:
    parts = urlsplit(database_url)
    several = (
        f"postgresql://corral:{parts.password}@127.0.0.1:1,127.0.0.1:{parts.port}{parts.path}?sslmode=disable"
    )
    assert _open(several)[-1] == "corral"
