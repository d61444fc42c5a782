"""Whole env files of the five systems that Corral replaces: every name is answered, and ours come from them."""

import re
from pathlib import Path

import pytest

from corral.errors import SettingsError
from corral.settings import Settings
from corral.settings.old_names import HONOURED

ROOT = Path(__file__).parents[3]

PUBLISH_SUBSCRIBE = """\
# Redis
REDIS_HOST=redis
REDIS_PORT=6379
REDIS_PASSWORD=

# Postgres
POSTGRES_HOST=postgres
POSTGRES_PORT=5432
POSTGRES_USER=jobs
POSTGRES_PASSWORD="p@ss/w#rd"
POSTGRES_DB=jobs
DATABASE_URL=postgresql://${POSTGRES_USER}:${POSTGRES_PASSWORD}@${POSTGRES_HOST}:${POSTGRES_PORT}/${POSTGRES_DB}

# Next.js
NEXT_PUBLIC_API_URL=http://localhost:3000
NODE_ENV=development
"""
REPORTS = """\
DB_HOST=localhost
DB_PORT=5432
DB_NAME=report_db
DB_USER=report_user
DB_PASSWORD=report_pass # change me
REDIS_HOST=localhost
REDIS_PORT=6379
EMAIL_HOST=smtp.gmail.com
EMAIL_PORT=587
EMAIL_USER=me@gmail.com
EMAIL_PASS='abcd efgh ijkl mnop'
EMAIL_FROM="Reports <me@gmail.com>"
APP_PORT=3000
APP_BASE_URL=http://localhost:3000
STORAGE_DIR=./storage/reports
"""
GENERATED = """\
REDIS_HOST=127.0.0.1
REDIS_PORT=6380
REDIS_PASSWORD=s3cret$$word
REDIS_DB=2
REDIS_TLS=true
NODE_ENV=production
API_INSTANCES=max
WORKER_INSTANCES=2
WORKER_ENABLED=false
WORKER_AUTO_RESTART=true
GRACEFUL_SHUTDOWN_TIMEOUT=30000
HEALTH_CHECK_INTERVAL=30000
"""
FETCH = """\
DATABASE_URL="postgresql://postgres:postgres@db:5432/areas?schema=public"
REDIS_URL="redis://redis:6379"
NODE_ENV=development
GOOGLE_MAPS_API_KEY=${FROM_THE_VAULT}
"""
FEEDS = """\
REDIS_URL=redis://:pw@redis-12345.c1.us-east-1-2.ec2.cloud.redislabs.com:12345
BULL_QUEUE_NAME=job_import_queue
WORKER_CONCURRENCY=10
WORKER_BATCH_SIZE=100
WORKER_FLUSH_MS=3000
WORKER_RATE_LIMIT_MAX=100
WORKER_RATE_LIMIT_DURATION_MS=1000
MONGO_URI=mongodb://localhost:27017/jobs
"""
FILES = {
    "publish/subscribe": PUBLISH_SUBSCRIBE,
    "reports": REPORTS,
    "generated": GENERATED,
    "fetch": FETCH,
    "feeds": FEEDS,
}
OTHERS = {"GOOGLE_MAPS_API_KEY", "MONGO_URI"}
"""For handlers, under the same names."""
SERVERS = {"CORRAL_DATABASE_URL": "postgresql://h/x", "CORRAL_REDIS_URL": "redis://h"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names(text: str) -> set[str]:
    return set(re.findall(r"^(\w+)=", text, re.MULTILINE))


@pytest.mark.parametrize("system", FILES)
def test_every_name_of_an_old_file_is_answered_and_no_value_is_told(system, tmp_path, capsys):
    (tmp_path / ".env").write_text(FILES[system])
    settings = Settings.load({}, otherwise=SERVERS)
    assert settings.worker_enabled is ("WORKER_ENABLED=false" not in FILES[system])
    said = capsys.readouterr().err
    for name in names(FILES[system]) - OTHERS - set(HONOURED):
        assert said.count(f"{name} (from .env)") == 1, name
    for secret in ("p@ss", "report_pass", "abcd", "s3cret", "redislabs"):
        assert secret not in said


@pytest.mark.parametrize(
    ("system", "database", "redis"),
    [
        ("publish/subscribe", "postgresql://jobs:p%40ss%2Fw%23rd@postgres:5432/jobs", "redis://redis:6379/0"),
        (
            "reports",
            "postgresql://report_user:report_pass@localhost:5432/report_db",
            "redis://localhost:6379/0",
        ),
        ("generated", None, "redis://:s3cret%24%24word@127.0.0.1:6380/2"),
    ],
)
def test_the_lines_that_are_answered_work_beside_the_old_ones(system, database, redis, tmp_path, capsys):
    (tmp_path / ".env").write_text(FILES[system])
    Settings.load({}, otherwise=SERVERS)
    answered = re.findall(
        r"(CORRAL_(?:DATABASE|REDIS)_(?:URL|PASSWORD)=(?!\$\{(?:DATABASE|REDIS)_URL\})\S+)",
        capsys.readouterr().err,
    )
    (tmp_path / ".env").write_text(FILES[system] + "\n".join(answered))
    env = {"REDIS_PASSWORD": ""} if system == "reports" else {}
    settings = Settings.load(env, otherwise=SERVERS)
    assert settings.database_url == (database or SERVERS["CORRAL_DATABASE_URL"])
    assert settings.redis_url == redis


def test_an_old_address_is_taken_as_it_is_where_it_can_be(tmp_path):
    ours = "CORRAL_REDIS_URL=${REDIS_URL}\nCORRAL_DATABASE_URL=postgresql://h/x\n"
    (tmp_path / ".env").write_text(FEEDS + ours)
    assert Settings.load({}).redis_url.endswith(".cloud.redislabs.com:12345")


def test_an_old_address_with_parameters_of_others_is_refused_with_what_to_write(tmp_path):
    (tmp_path / ".env").write_text(f"{FETCH}CORRAL_DATABASE_URL=${{DATABASE_URL}}\n")
    with pytest.raises(SettingsError, match="the parameter schema: leave it out: CORRAL_SCHEMA names"):
        Settings.load({}, otherwise=SERVERS)


def test_an_old_address_with_a_raw_slash_in_its_password_is_refused_without_it(tmp_path):
    (tmp_path / ".env").write_text(f"{PUBLISH_SUBSCRIBE}CORRAL_DATABASE_URL=${{DATABASE_URL}}\n")
    with pytest.raises(SettingsError, match="write / as %2F") as error:
        Settings.load({}, otherwise=SERVERS)
    assert "p@ss" not in str(error.value)


def test_every_old_name_is_in_the_page_for_those_who_come_from_it():
    page = (ROOT / "docs/how-to/come-from-old-settings.md").read_text(encoding="utf-8")
    for name in set().union(*map(names, FILES.values())) - OTHERS:
        assert f"`{name}`" in page, name
