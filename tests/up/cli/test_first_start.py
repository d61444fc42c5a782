"""The commands that a first start on a cluster runs, beside servers that are still coming up."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.waiting import START, eventually

from corral.cli.terminal.exit_codes import ExitCode
from corral.store.postgres.schema import REVISION
from corral_local.servers.postgres import EmbeddedPostgres

KEY = "a-key-made-elsewhere-0123456789abcdef"


@pytest.fixture
def corral(tmp_path: Path, postgres_url: str, redis_url: str):
    """Run a command in a process of its own, with nothing but these servers."""

    def run(*arguments: str, stdin: str = "", code: int = 0, **env: str) -> str:
        environment = programs.environment(database_url=postgres_url, redis_url=redis_url) | env
        done = programs.run("corral.cli", *arguments, environment=environment, folder=tmp_path, stdin=stdin)
        assert done.code == code, done.err + done.out
        return done.out + done.err

    return run


def test_a_key_made_elsewhere_is_let_in_once_and_stays_revoked(corral, postgres_url):
    corral("migrate", "up")
    assert "the key of admin (admin) is adopted" in corral("keys", "adopt", CORRAL_BOOTSTRAP_KEY=KEY)
    assert "was known" in corral("keys", "adopt", stdin=f"{KEY}\n")
    assert "was known" in corral("keys", "adopt", CORRAL_BOOTSTRAP_KEY=f"{KEY}\r\n")
    new = f"{KEY}-the-next"
    assert "1 other keys of that name are revoked" in corral("keys", "adopt", "--replace", stdin=new)
    assert "was revoked, and stays so" in corral("keys", "adopt", "--replace", stdin=KEY)
    with psycopg.connect(postgres_url) as connection:
        keys = connection.execute(
            "SELECT name, role, revoked_at IS NULL FROM corral.api_keys ORDER BY created_at"
        )
        assert keys.fetchall() == [("admin", "admin", False), ("admin", "admin", True)]
        told = connection.execute("SELECT action FROM corral.audit ORDER BY id").fetchall()
        assert told == [("adopt",), ("adopt",), ("revoke",)]
        everything = connection.execute("SELECT k::text || (SELECT string_agg(a::text, '') FROM corral.audit a)"
                                        " FROM corral.api_keys k").fetchall()  # fmt: skip
        assert KEY not in str(everything)


@pytest.mark.parametrize("bad", ["short", "with a blank in it, and long enough otherwise", "ü" * 40, ""])
def test_what_is_no_key_is_refused_without_being_printed(corral, bad):
    corral("migrate", "up")
    answer = corral("keys", "adopt", stdin=bad, code=ExitCode.WRONG)
    assert "printable ASCII" in answer
    assert not bad or bad not in answer


def test_the_schema_goes_up_once_and_down_and_a_newer_one_is_left_alone(corral, postgres_url):
    assert f"schema corral is at {REVISION:04}\n" in corral("migrate", "up")
    assert corral("migrate", "current") == f"{REVISION:04}\n"
    _pretend(postgres_url, REVISION + 1)
    assert f"at {REVISION + 1:04}, ahead of this release's {REVISION:04}" in corral("migrate", "up")
    corral("migrate", "down", f"{REVISION:04}", code=ExitCode.AWAY)
    _pretend(postgres_url, REVISION + 2)
    assert "install the release that made it" in corral("migrate", "up", "--wait", "60", code=ExitCode.AWAY)
    _pretend(postgres_url, REVISION)
    assert "at no revision" in corral("migrate", "down", "base")


def test_registering_waits_for_the_schema_and_says_so(corral, tmp_path, postgres_url, redis_url):
    answer = corral("types", "register", "--wait", "5", code=ExitCode.AWAY)
    assert "waiting for up to 5 s in all: the database's schema 'corral' is at no revision" in answer
    environment = programs.environment(database_url=postgres_url, redis_url=redis_url)
    with _running(tmp_path, environment, "types", "register", "--wait", "60") as waits:
        eventually(lambda: "waiting for" in waits.output, timeout=START)
        corral("migrate", "up")
        assert waits.wait(60) == 0
    assert re.search(r"(\d+) job types are registered, \1 of them new", waits.output)


ODD_JOBS = """
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from corral.catalog import job_type


class Odd(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")

    code: Annotated[str, Field(pattern="^(?=a)")]


class Strange(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True, json_schema_extra=lambda schema: 1 / 0)


odd = job_type("odd.one", payload=Odd)
strange = job_type("odd.strange", payload=Strange)
never = job_type("odd.never", description="a\\0b")
plain = job_type("odd.plain", payload=int)
"""


def test_registering_says_what_only_the_worker_judges_and_no_type_keeps_others_out(
    corral, tmp_path, postgres_url
):
    (tmp_path / "odd_jobs.py").write_text(ODD_JOBS)
    corral("migrate", "up")
    answer = corral(
        "types", "register", code=ExitCode.WRONG, CORRAL_JOBS="odd_jobs", PYTHONPATH=str(tmp_path)
    )
    assert "odd.one: only the worker judges /code: Python's own regular expressions match it" in answer
    assert (
        "odd.strange: only the worker judges the whole payload: it has no JSON Schema: ZeroDivisionError"
        in answer
    )
    assert "corral: odd.never is not registered: Postgres can't hold this value" in answer
    assert "Traceback" not in answer
    with psycopg.connect(postgres_url) as sql:
        names = {row[0] for row in sql.execute("SELECT name FROM corral.job_types").fetchall()}
    assert {"odd.one", "odd.strange", "odd.plain", "report.generate"} <= names
    assert "odd.never" not in names


@pytest.mark.slow
def test_everything_waits_for_a_database_that_starts_later(
    tmp_path: Path, own_postgres: EmbeddedPostgres, redis_url: str
):
    env = programs.environment(database_url=own_postgres.url, redis_url=redis_url, bootstrap_key=KEY)
    own_postgres.stop()
    with (
        _running(tmp_path, env, "migrate", "up", "--wait", "90") as migrates,
        _running(tmp_path, env, "keys", "adopt", "--wait", "90") as adopts,
    ):
        for one in (migrates, adopts):
            eventually(lambda one=one: "postgres is not available" in one.output, timeout=START)
        own_postgres.start()
        assert (migrates.wait(90), adopts.wait(90)) == (0, 0)
    assert "the key of admin (admin) is adopted" in adopts.output


def test_an_absent_database_is_given_up_with_a_code_of_its_own(corral):
    url = "postgresql://corral@127.0.0.1:1/x"
    answer = corral("migrate", "up", "--wait", "1", code=ExitCode.AWAY, CORRAL_DATABASE_URL=url)
    assert "corral: waiting for up to 1 s in all: postgres is not available: connection failed" in answer
    assert "Traceback" not in answer


def test_the_password_and_the_direct_address_are_used(corral, postgres_url):
    """The pooled address leads nowhere: what a first start does goes past it."""
    env = {
        "CORRAL_DATABASE_URL": "postgresql://corral@127.0.0.1:1/x",
        "CORRAL_DATABASE_DIRECT_URL": postgres_url,
        "CORRAL_BOOTSTRAP_KEY": KEY,
    }
    corral("migrate", "up", **env)
    corral("types", "register", **env)
    corral("keys", "adopt", **env)


@contextmanager
def _running(folder: Path, environment: dict[str, str], *arguments: str) -> Iterator[Process]:
    process = Process("corral.cli", *arguments, environment=environment, log=folder / f"{arguments[0]}.log")
    try:
        yield process
    finally:
        process.kill()


def _pretend(url: str, revision: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE corral.alembic_version SET version_num = %s", (f"{revision:04}",))
