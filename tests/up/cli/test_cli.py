"""The corral command against a running system: what it prints, and what it ends with."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from tests.fixtures.local_system import Up, ended
from tests.fixtures.waiting import eventually

from corral.cli.terminal.exit_codes import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOWHERE = "01900000-0000-7000-8000-000000000000"


def test_pools_and_what_was_decided_about_them_are_listed(corral):
    (pool,) = eventually(lambda: corral("pools", "--json").json)
    assert (pool["name"], pool["scaled_by"], pool["minimum"], pool["maximum"]) == ("local", "corral up", 1, 1)
    assert (pool["stale"], pool["queues"]) == (False, ["*"])
    before = {one["id"] for one in corral("pools", "decisions", "local", "--json").json}
    # The first jobs of their type: its time is unknown, so each counts one slot, and one worker has 50.
    burst = ("--count", "120", "--mix", "acme.burst", "--payload", "{}")
    assert corral("load", *burst, "--no-wait").code == 0

    def limited() -> list[dict[str, Any]]:
        decided = corral("pools", "decisions", "local", "--json").json
        return [one for one in decided if one["id"] not in before and one["conditions"] == ["Limited"]]

    decided = eventually(limited)
    assert decided[-1]["needed"] > decided[-1]["after"] == 1
    assert "the maximum" in decided[-1]["reason"]
    head, line = corral("pools").out.splitlines()
    assert head.split() == [
        "pool",
        "workers",
        "target",
        "bounds",
        "queued",
        "oldest",
        "conditions",
        "last",
        "report",
        "why",
    ]
    assert line.startswith("local")
    assert "1 to 1" in line
    head, *lines = corral("pools", "decisions", "local", "--limit", "1").out.splitlines()
    assert head.split() == ["when", "before", "after", "needed", "queued", "conditions", "why"]
    assert len(lines) == 1
    assert corral("pools", "decisions", "nothing").code == ExitCode.NOT_FOUND


def test_what_a_job_did_once_and_what_followed_it_are_listed(corral):
    job = corral("jobs", "submit", "demo.echo", "--delay", "500", "--json").json["id"]
    assert (corral("jobs", "effects", job).out, corral("jobs", "follow-ups", job).out) == (
        "no effects\n",
        "no follow-ups\n",
    )
    assert corral("jobs", "effects", job, "--json").json == []
    refused = corral("jobs", "settle", job, "paid", "--done", "--receipt", '{"id": 7}')
    assert (refused.code, "there is no effect" in refused.err) == (ExitCode.NOT_FOUND, True)
    assert corral("jobs", "settle", job, "paid").code == 2
    assert corral("jobs", "settle", job, "paid", "--done", "--receipt", "{").code == 2


def test_one_job_that_is_not_there_keeps_no_other_from_being_cancelled(corral):
    first, last = [corral("jobs", "submit", "demo.echo", "--delay", "900").out.split()[0] for _ in range(2)]
    answer = corral("jobs", "cancel", first, NOWHERE, last)
    assert answer.code == ExitCode.NOT_FOUND
    assert answer.out.count("cancelled") == 2
    assert answer.err == f"corral: Not found: there is no job {NOWHERE}\n"


def test_a_time_outside_the_calendar_is_refused_by_name(corral):
    answer = corral("jobs", "submit", "demo.echo", "--run-at", "9999-12-31T23:59:59-05:00")
    assert answer.code == ExitCode.WRONG
    assert (
        "/run_at: is 9999-12-31T23:59:59-05:00, which in UTC lies outside the years 1 to 9999" in answer.err
    )


def test_each_worker_shows_what_it_did_and_what_it_takes(corral, system):
    before = corral("workers", "list", "--json").json[0]["status"]
    assert corral("jobs", "submit", "demo.echo", "--wait", "120").code == 0
    failed = corral("jobs", "submit", "demo.fail", "--retries", "0", "--wait", "120")
    assert failed.code == ExitCode.JOB_FAILED

    def counted():
        with httpx2.Client(trust_env=False, timeout=60) as http:
            (one,) = http.get(f"{system.url}/health/workers").json()["workers"]
        done = one["succeeded"] > before["succeeded"] and one["failed"] > before["failed"]
        return one if done else None

    one = eventually(counted)
    assert one["state"] == "active"
    assert one["memory_bytes"] > 30_000_000
    assert one["cpu_seconds"] > 0
    assert "name" not in one
    shown = corral("workers", "list").out
    assert "MiB" in shown
    assert "completed" in shown


def test_a_waiting_job_is_explained_run_now_and_cancelled(corral, system):
    job = corral("jobs", "submit", "demo.echo", "--delay", "500", "--json").json
    assert job["state"] == "scheduled"
    why = corral("jobs", "why", job["id"])
    assert "It is due in" in why.out
    assert f"corral jobs run-now {job['id']}" in why.out
    assert corral("jobs", "run-now", job["id"]).code == 0
    with system.client() as client:
        assert ended(client, job["id"])["state"] == "completed"
    other = corral("jobs", "submit", "demo.echo", "--delay", "500", "--json").json
    assert corral("jobs", "cancel", other["id"], "--json").json[0]["state"] == "cancelled"
    assert corral("jobs", "cancel", other["id"]).code == ExitCode.CONFLICT


def test_queues_are_listed_paused_resumed_and_cleaned(corral):
    assert {queue["name"] for queue in corral("queues", "list", "--json").json} >= {"demo", "cpu", "reports"}
    assert corral("queues", "pause", "cpu").out == "cpu is paused\n"
    assert re.search(r"^cpu +paused", corral("queues", "list").out, re.MULTILINE)
    corral("queues", "set", "cpu", "retries=5", "backoff=exponential:2", "keep_failed=50")
    shown = corral("queues", "show", "cpu").out
    assert re.search(r"^paused +\S+ by corral up", shown, re.MULTILINE), shown
    assert re.search(r"^overrides +retries +5", shown, re.MULTILINE), shown
    assert re.search(r'overrides +keep_failed +\{"count":50\}', shown)
    assert corral("queues", "set", "cpu", "retries=", "backoff=", "keep_failed=").code == 0
    job = corral("jobs", "submit", "demo.cpu", "--field", "seconds:=0.01", "--json").json
    eventually(  # counts are read at most every second
        lambda: corral("queues", "show", "cpu", "--json").json["counts"].get("queued") == 1, timeout=30
    )
    assert "--since: is not a time" in corral("jobs", "list", "--since", "yesterday").err
    assert "corral queues resume cpu" in corral("jobs", "why", job["id"]).out
    assert corral("queues", "resume", "cpu").out == "cpu is resumed\n"
    assert corral("jobs", "watch", job["id"]).code == 0
    assert corral("queues", "clean", "cpu", "--state", "completed", "--yes").out == "1 removed\n"
    assert corral("jobs", "show", job["id"]).code == ExitCode.NOT_FOUND


def test_a_log_is_printed_and_followed_to_the_end(corral):
    job = corral(
        "jobs", "submit", "report.generate", "--field", "title=T", "--field", 'rows:=[{"a": 1}]', "--json"
    ).json
    followed = corral("jobs", "logs", job["id"], "--follow", "--json")
    assert followed.code == 0, followed.err
    lines = [json.loads(line) for line in followed.out.splitlines()]
    again = corral("jobs", "logs", job["id"], "--json")
    assert [json.loads(line)["seq"] for line in again.out.splitlines()] == [line["seq"] for line in lines]


def test_workers_statistics_types_and_settings_are_shown(corral):
    assert corral("workers", "list", "--json").json[0]["name"] == "up-1"
    assert "up-1" in corral("workers", "list").out
    assert corral("stats", "--json").json["counts"]["failed"] >= 0
    assert "completed" in corral("stats").out
    assert "report.generate" in corral("types", "list").out
    assert json.loads(corral("types", "show", "demo.sleep").out)["payload_schema"]["properties"]["seconds"]
    assert "job types are registered, 0 of them new or changed" in corral("types", "register").out
    config = {line["name"]: line for line in corral("config", "--json").json}
    assert config["CORRAL_DATABASE_URL"]["source"] == "this system"
    assert "********" in config["CORRAL_DATABASE_URL"]["value"]
    assert re.fullmatch(r"\d+\n", corral("migrate", "current").out)


def test_a_worker_is_drained_and_let_work_again(corral):
    def state() -> str:
        return corral("workers", "list", "--json").json[0]["state"]

    assert corral("workers", "drain", "up-1").out == "up-1 drains\n"
    assert state() == "draining"
    assert corral("workers", "undrain", "up-1").out == "up-1 claims again\n"
    assert state() == "active"
    assert corral("workers", "undrain", "up-1").out == "nobody drains up-1\n"
    assert corral("workers", "undrain", "nobody").code == ExitCode.NOT_FOUND


def test_keys_are_made_in_the_database_and_stop_working_when_revoked(corral, system):
    made = corral("keys", "create", "reader", "--role", "viewer", "--json").json
    assert corral("jobs", "list", CORRAL_KEY=made["key"]).code == 0
    refused = corral("jobs", "submit", "demo.echo", CORRAL_KEY=made["key"])
    assert refused.code == ExitCode.NOT_ALLOWED
    assert "this needs the role operator; reader is viewer" in refused.err
    assert corral("keys", "revoke", made["id"]).code == 0
    eventually(
        lambda: corral("jobs", "list", CORRAL_KEY=made["key"]).code == ExitCode.NOT_ALLOWED, timeout=30
    )
    assert "reader" in corral("keys", "list").out
    assert corral("sign-in").out.startswith(f"{system.url}/sign-in/")


def test_wrong_input_names_the_field_and_prints_no_traceback(corral):
    wrong = corral("jobs", "submit", "demo.sleep", "--field", "seconds=x")
    assert wrong.code == ExitCode.WRONG
    assert "  /payload/seconds: " in wrong.err
    assert corral("jobs", "show", NOWHERE).code == ExitCode.NOT_FOUND
    assert corral("jobs", "submit", "demo.echo", "--payload", "{").code == ExitCode.WRONG
    assert corral("jobs", "sumbit", "demo.echo").code == ExitCode.WRONG
    assert corral("jobs", "list", CORRAL_KEY="corral_wrong").code == ExitCode.NOT_ALLOWED
    away = corral("jobs", "list", CORRAL_URL="http://127.0.0.1:9")
    assert (away.code, "http://127.0.0.1:9 (from environment) does not answer" in away.err) == (
        ExitCode.AWAY,
        True,
    )
    assert "Traceback" not in wrong.err + away.err


def test_without_a_system_the_command_says_how_to_get_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "corral.cli", "jobs", "list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.WRONG
    assert "corral up" in done.stderr


def test_completion_names_the_commands():
    done = subprocess.run(
        [sys.executable, "-c", "from corral.cli.main import main; main()"],
        capture_output=True, text=True, check=False, env=os.environ | {"_CORRAL_COMPLETE": "complete_bash", "COMP_WORDS": "corral jobs su", "COMP_CWORD": "2"},
    )  # fmt: skip
    assert done.stdout.split() == ["submit"]


def test_psql_reads_the_jobs_and_writes_nothing(system: Up):
    counted = system.corral("psql", "-c", "SELECT count(*) >= 0 AS there FROM jobs", "-c", "SELECT 'two'")
    assert counted.returncode == 0, counted.stderr
    assert "there" in counted.stdout
    assert "two" in counted.stdout
    refused = system.corral("psql", "-c", "DELETE FROM jobs")
    assert refused.returncode != 0
    assert "read-only transaction" in refused.stderr
