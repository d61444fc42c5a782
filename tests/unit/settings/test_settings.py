"""Settings: where each comes from, what is refused and how it is said, what is never shown."""

from pathlib import Path

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from corral.errors import SettingsError
from corral.settings import Settings, names
from corral.settings.caller_rate import CallerRate
from corral.settings.masking import masked_address
from corral.settings.ranges import declared
from corral.settings.sources import masked
from corral_operator.settings import OperatorSettings

SERVERS = {"CORRAL_DATABASE_URL": "postgresql://a:pw@h/x", "CORRAL_REDIS_URL": "redis://:pw@h/0"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(env: dict[str, str] | None = None, **more) -> Settings:
    return Settings.load(SERVERS | (env or {}), **more)


def refused(env: dict[str, str], **more) -> str:
    with pytest.raises(SettingsError) as error:
        load(env, **more)
    return str(error.value)


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(tmp_path):
    (tmp_path / ".env").write_text("CORRAL_PORT=1\nCORRAL_GRACE=2\nOTHER=x\n")
    settings = load({"CORRAL_PORT": "3"})
    assert (settings.port, settings.grace, settings.heartbeat) == (3, 2.0, 5.0)


def test_the_command_line_goes_before_the_environment_and_this_system_after_the_file(tmp_path):
    (tmp_path / ".env").write_text("CORRAL_GRACE=2\n")
    settings = load(
        {"CORRAL_PORT": "3"},
        given={"CORRAL_PORT": "4"},
        otherwise={"CORRAL_GRACE": "9", "CORRAL_LEASE": "33"},
    )
    assert (settings.port, settings.grace, settings.lease) == (4, 2.0, 33.0)


def test_every_effective_setting_is_told_with_its_source(tmp_path):
    (tmp_path / "other.env").write_text("CORRAL_GRACE=2\n")
    env = SERVERS | {"CORRAL_PORT": "3", "CORRAL_ENV_FILE": "other.env", "WORKER_ENABLED": "no"}
    effective = {one.name: one for one in Settings.reading(env).effective}
    assert list(effective) == names(Settings)
    assert effective["CORRAL_PORT"].source == "environment"
    assert effective["CORRAL_GRACE"].source == "other.env"
    assert effective["CORRAL_LEASE"].source == "default"
    assert effective["CORRAL_WORKER_ENABLED"].value == "false"
    assert effective["CORRAL_WORKER_ENABLED"].source == "WORKER_ENABLED in environment"


def test_secrets_are_masked_wherever_they_stand():
    reading = Settings.reading(SERVERS)
    shown = {one.name: one.value for one in reading.effective}
    assert shown["CORRAL_DATABASE_URL"] == "postgresql://a:********@h/x"
    assert shown["CORRAL_REDIS_URL"] == "redis://:********@h/0"
    assert masked("webhook_secret", "hunter2") == "********"
    assert "pw" not in repr(reading.settings)


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8))
def test_no_password_survives_in_an_address(password):
    password = f"X9{password}"
    assert password not in masked_address(f"postgresql://u:{password}@h:5/x?application_name=y")
    assert password not in masked_address(f"postgresql://h/x?user=u&password={password}")
    assert password not in masked_address(f"redis://:{password}@h")


def test_an_unknown_setting_stops_the_start_with_its_name_its_value_and_the_nearest_name(tmp_path):
    assert refused({"CORRAL_PROT": "8000"}) == (
        "CORRAL_PROT: unknown setting (value '8000', from environment); did you mean CORRAL_PORT?"
    )
    (tmp_path / ".env").write_text("CORRAL_WORKRE_NAME=a\n")
    assert "from .env); did you mean CORRAL_WORKER_NAME?" in refused({})


def test_a_misspelt_secret_is_not_printed():
    assert "hunter2" not in refused({"CORRAL_SECRET_KEEY": "hunter2hunter2"})
    assert "hunter2" not in refused({"CORRAL_DATABASE_URL": "mysql://u:hunter2@h/x"})
    assert "hunter2" not in refused({"CORRAL_DATABSE_URL": "postgresql://u:hunter2@h/x"})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("CORRAL_PORT", "70000", "a whole number from 0 to 65,535"),
        ("CORRAL_PORT", "http", "a whole number from 0 to 65,535"),
        ("CORRAL_PORT", "", "a whole number from 0 to 65,535"),
        ("CORRAL_GRACE", "-1", "a number from 0 to 86,400 seconds"),
        ("CORRAL_GRACE", "nan", "a number from 0 to 86,400 seconds"),
        ("CORRAL_DEFAULT_KEEP_FINISHED", "inf", "a number from 0 to 3,153,600,000 seconds"),
        ("CORRAL_DEFAULT_KEEP_FAILED", "999999999999", "a number from 0 to 3,153,600,000 seconds"),
        ("CORRAL_DEFAULT_TIMEOUT", "0", "a number above 0 to 604,800 seconds"),
        ("CORRAL_DEMO_JOBS", "perhaps", "true or false"),
        ("CORRAL_LOG_FORMAT", "xml", "console or json"),
        ("CORRAL_DATABASE_URL", "mysql://h/x", "an address that starts with postgresql:// or postgres://"),
        ("CORRAL_REDIS_URL", "localhost", "an address that starts with redis:// or rediss:// or unix://"),
        ("CORRAL_SCHEMA", "Corral; DROP", "1 to 63 lower-case letters, digits and _"),
        ("CORRAL_SCHEMA", "pg_temp", "1 to 63 lower-case letters, digits and _"),
        ("CORRAL_ARTIFACT_DIR", "", "a path"),
        ("CORRAL_SECRETS_DIR", "", "a path"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_its_value_and_the_range(name, value, allowed):
    message = refused({name: value})
    assert message.startswith(f"{name}: ")
    assert f"allowed: {allowed}" in message
    assert value in message or "********" in message


@pytest.mark.parametrize("model", [Settings, OperatorSettings])
def test_every_number_has_finite_bounds(model):
    for name, field in model.__pydantic_fields__.items():
        said = declared(model, name)
        if "number" in said.allowed:
            assert said.bounds is not None, field
            assert said.bounds.most < 1e10


@pytest.mark.parametrize("model", [Settings, OperatorSettings])
def test_what_is_allowed_is_told_in_words(model):
    """Where a pattern is looked for, too."""
    for name, field in model.__pydantic_fields__.items():
        said = declared(model, name).allowed
        assert not set("^$|{\\") & set(said), field
        if any(getattr(mark, "pattern", None) for mark in field.metadata):
            assert said != "text", field


def test_all_mistakes_are_told_at_once():
    message = refused({"CORRAL_PORT": "x", "CORRAL_GRACE": "y", "CORRAL_Z": "1"})
    assert len(message.splitlines()) == 3


def test_rules_between_settings_name_both():
    assert refused({"CORRAL_LEASE": "5"}) == "CORRAL_LEASE: 5 is not at least twice CORRAL_HEARTBEAT (5)"
    assert "CORRAL_ARTIFACT_DIR" in refused({"CORRAL_ARTIFACT_STORE": "filesystem"})
    none = {f"CORRAL_SLOTS_{executor}": "0" for executor in ("ASYNC", "THREAD", "PROCESS")}
    assert "all are 0, and a worker needs a slot" in refused(none)


def test_a_named_env_file_must_be_there(tmp_path):
    assert "there is no file" in refused({"CORRAL_ENV_FILE": str(tmp_path / "missing")})
    for name in ("CORRAL_ENV_FILE", "CORRAL_ARTIFACT_CA"):
        assert "there is no file" in refused({name: str(tmp_path / ("x" * 300))})


def test_lists_are_separated_by_commas():
    assert load({"CORRAL_QUEUES": "a, b,,c "}).queues == ("a", "b", "c")


def test_what_kubernetes_adds_for_services_is_no_setting():
    linked = {
        "CORRAL_PORT": "tcp://10.0.0.1:80",
        "CORRAL_SERVICE_HOST": "10.0.0.1",
        "CORRAL_PUBLISHER_SERVICE_PORT_HTTP": "80",
        "CORRAL_PUBLISHER_PORT_8000_TCP_ADDR": "10.0.0.1",
        "CORRAL_PUBLISHER_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    }
    assert load(linked).port == 8000


OLD_NAMES = {
    "REDIS_URL": "CORRAL_REDIS_URL",
    "REDIS_HOST": "CORRAL_REDIS_URL",
    "REDIS_PORT": "CORRAL_REDIS_URL",
    "REDIS_PASSWORD": "CORRAL_REDIS_URL",
    "REDIS_DB": "CORRAL_REDIS_URL",
    "DATABASE_URL": "CORRAL_DATABASE_URL",
    "POSTGRES_USER": "CORRAL_DATABASE_URL",
    "POSTGRES_PASSWORD": "CORRAL_DATABASE_URL",
    "POSTGRES_DB": "CORRAL_DATABASE_URL",
    "POSTGRES_HOST": "CORRAL_DATABASE_URL",
    "BULL_QUEUE_NAME": "CORRAL_QUEUES",
    "WORKER_ENABLED": "CORRAL_WORKER_ENABLED",
    "WORKER_CONCURRENCY": "CORRAL_SLOTS_ASYNC",
    "WORKER_BATCH_SIZE": "job type",
    "WORKER_FLUSH_MS": "job type",
    "WORKER_RATE_LIMIT_MAX": "job type",
    "WORKER_RATE_LIMIT_DURATION": "job type",
    "WORKER_INSTANCES": "corral up --workers",
    "SHUTDOWN_TIMEOUT_MS": "CORRAL_GRACE",
    "GRACEFUL_SHUTDOWN_TIMEOUT": "CORRAL_GRACE",
    "HEALTH_CHECK_INTERVAL": "CORRAL_HEARTBEAT",
    "HEALTHCHECK_INTERVAL_MS": "CORRAL_HEARTBEAT",
    "LOCK_DURATION": "CORRAL_LEASE",
    "WORKER_LOCK_DURATION_MS": "CORRAL_LEASE",
    "STALLED_INTERVAL": "CORRAL_LEASE",
    "MAX_STALLED_COUNT": "max_stalls",
    "EMAIL_HOST": "CORRAL_SMTP_HOST",
    "EMAIL_PORT": "CORRAL_SMTP_PORT",
    "EMAIL_USER": "CORRAL_SMTP_USER",
    "EMAIL_PASS": "CORRAL_SMTP_PASSWORD",
    "EMAIL_FROM": "CORRAL_SMTP_FROM",
    "APP_PORT": "CORRAL_PORT",
    "APP_BASE_URL": "CORRAL_PUBLIC_URL",
    "STORAGE_DIR": "CORRAL_ARTIFACT_DIR",
    "DB_HOST": "CORRAL_DATABASE_URL",
    "DB_PORT": "CORRAL_DATABASE_URL",
    "DB_NAME": "CORRAL_DATABASE_URL",
    "DB_USER": "CORRAL_DATABASE_URL",
    "DB_PASSWORD": "CORRAL_DATABASE_PASSWORD",
    "API_INSTANCES": "CORRAL_WEB_WORKERS",
    "WORKER_AUTO_RESTART": "corral up",
    "NEXT_PUBLIC_API_URL": "CORRAL_PUBLIC_URL",
    "NODE_ENV": "CORRAL_LOG_FORMAT=json",
}


@pytest.mark.parametrize(("old", "ours"), OLD_NAMES.items())
def test_an_old_name_is_answered_once_with_ours(old, ours, tmp_path, capsys):
    (tmp_path / ".env").write_text(f"{old}=1\n")
    Settings.load({old: "1"}, otherwise=SERVERS)
    said = capsys.readouterr().err
    if old == "WORKER_ENABLED":
        assert said == ""  # it is read
        return
    assert said.count(f"{old} ") == 1
    assert ours in said


def test_an_old_name_beside_ours_needs_no_answer(capsys):
    load({"REDIS_URL": "redis://x", "DATABASE_URL": "postgresql://x"})
    assert capsys.readouterr().err == ""


def test_a_missing_database_is_told_with_the_old_name_that_is_there():
    with pytest.raises(SettingsError) as error:
        Settings.load({"DATABASE_URL": "postgresql://h/x", "CORRAL_REDIS_URL": "redis://h"})
    assert "CORRAL_DATABASE_URL: not set (DATABASE_URL is set, but Corral's name for it" in str(error.value)


def test_worker_enabled_switches_workers_off_and_our_own_name_goes_first():
    assert load({"WORKER_ENABLED": "false"}).worker_enabled is False
    assert load({"WORKER_ENABLED": "false", "CORRAL_WORKER_ENABLED": "true"}).worker_enabled is True


def test_a_bad_value_under_an_old_name_is_refused_like_ours():
    assert "CORRAL_WORKER_ENABLED: 'maybe' (from WORKER_ENABLED in environment)" in refused(
        {"WORKER_ENABLED": "maybe"}
    )


@given(st.dictionaries(st.sampled_from(names(Settings)), st.text(max_size=12), max_size=6))
def test_any_text_gives_settings_or_a_message_and_nothing_else(env):
    try:
        settings = Settings.load(SERVERS | env)
    except SettingsError as error:
        lines = str(error).splitlines()
        event("refused")
        assert all(line.startswith("CORRAL_") for line in lines)
    else:
        assert settings.lease >= 2 * settings.heartbeat


def test_a_bucket_is_described_whole_and_its_secret_is_shown_nowhere():
    bucket = {"CORRAL_ARTIFACT_STORE": "s3", "CORRAL_ARTIFACT_BUCKET": "files"}
    secret = {"CORRAL_ARTIFACT_ACCESS_KEY": "id", "CORRAL_ARTIFACT_SECRET_KEY": "hush-hush\n"}
    read = Settings.reading(SERVERS | bucket | secret)
    found = read.settings.bucket
    assert found is not None
    assert (found.name, found.prefix, found.secret_key) == ("files", "corral", "hush-hush")
    shown = f"{read.settings!r} {found!r} {read.effective!r}"
    assert "hush-hush" not in shown
    for env, said in (
        ({"CORRAL_ARTIFACT_STORE": "s3"}, "CORRAL_ARTIFACT_BUCKET: not set"),
        (bucket | {"CORRAL_ARTIFACT_ACCESS_KEY": "id"}, "CORRAL_ARTIFACT_SECRET_KEY: not set"),
        (bucket | {"CORRAL_ARTIFACT_SECRET_KEY": "hush-hush"}, "CORRAL_ARTIFACT_ACCESS_KEY: not set"),
        (bucket | secret | {"CORRAL_ARTIFACT_ENDPOINT": "minio:9000"}, "CORRAL_ARTIFACT_ENDPOINT: "),
        (bucket | secret | {"CORRAL_ARTIFACT_PREFIX": "../other"}, "CORRAL_ARTIFACT_PREFIX: "),
        (bucket | secret | {"CORRAL_ARTIFACT_CA": "/none/ca.crt"}, "CORRAL_ARTIFACT_CA: there is no file"),
    ):
        message = refused(env)
        assert said in message, message
        assert "hush-hush" not in message
    assert load().bucket is None


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [("100/s", 100, 1), (" 600 / min", 600, 60), ("5000/h", 5000, 3600), ("20/10s", 20, 10)],
)
def test_the_rate_of_a_caller_is_a_number_and_a_time(text: str, count: int, seconds: float):
    assert CallerRate.of(load({"CORRAL_API_RATE": text}).api_rate or "") == CallerRate(count, seconds)


@pytest.mark.parametrize("text", ["100", "0/s", "1.5/s", "-1/s", "100/day", "9999999/s", "1/25h", "/s"])
def test_what_is_no_rate_of_a_caller_is_refused(text: str):
    assert "CORRAL_API_RATE: " in refused({"CORRAL_API_RATE": text})
