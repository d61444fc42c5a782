"""The corral command submits jobs, and prints what becomes of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from corral.cli.terminal.exit_codes import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_submission_with_a_key_is_stored_once(corral):
    keyed = ("jobs", "submit", "demo.echo", "--delay", "500", "--json", "--idempotency-key")
    first, again, other = (corral(*keyed, key).json["id"] for key in ("parcel 17", "parcel 17", "parcel 18"))
    assert first == again != other
    refused = corral(*keyed, "ö")
    assert (refused.code, refused.out) == (2, "")
    assert "printable ASCII" in refused.err


def test_a_job_is_submitted_found_and_shown(corral):
    job = corral(
        "jobs", "submit", "demo.echo", "--payload", '{"a": 1}', "--tag", "red", "--wait", "120", "--json"
    ).json
    assert (job["state"], job["result"]) == ("completed", {"a": 1})
    assert corral("jobs", "show", job["id"], "--json").json["id"] == job["id"]
    assert "completed" in corral("jobs", "show", job["id"]).out
    assert [one["id"] for one in corral("jobs", "list", "--tag", "red", "--json").json] == [job["id"]]
    line = corral("jobs", "list", "--tag", "red", "--state", "completed").out.splitlines()
    assert line[0].split() == ["id", "type", "queue", "state", "progress", "attempt", "submitted"]
    assert job["id"] in line[1]
    assert corral("jobs", "list", "--tag", "blue").out == "no jobs\n"


def test_payloads_come_from_options_files_and_standard_input(corral, system, tmp_path):
    (tmp_path / "text.txt").write_text("from a file")
    (tmp_path / "whole.json").write_text('{"whole": true}')
    fields = ("--field", "a=5", "--field", "b:=[1, 2]", "--field", f"c=@{tmp_path}/text.txt")
    job = corral("jobs", "submit", "demo.echo", *fields, "--wait", "120", "--json").json
    assert job["result"] == {"a": "5", "b": [1, 2], "c": "from a file"}
    whole = corral(
        "jobs", "submit", "demo.echo", "--payload", f"@{tmp_path}/whole.json", "--wait", "120", "--json"
    ).json
    assert whole["result"] == {"whole": True}
    piped = subprocess.run(
        [sys.executable, "-m", "corral.cli", "jobs", "submit", "demo.echo", "--payload", "-", "--wait", "120", "--json"],
        input='"piped"', cwd=system.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(piped.stdout)["result"] == "piped"


def test_a_report_is_made_from_a_csv_file_watched_and_downloaded(corral, tmp_path):
    csv = Path(__file__).parents[3] / "examples" / "regional-orders.csv"
    watched = corral("jobs", "submit", "report.generate", "--csv", str(csv), "--watch")
    assert watched.code == 0, watched.err
    assert watched.out.splitlines()[-1].endswith("report.generate completed")
    job_id = watched.out.split()[0]
    written = corral("jobs", "download", job_id, "--into", str(tmp_path)).out.strip()
    files = {Path(line).suffix: Path(line).read_bytes() for line in written.splitlines()}
    assert sorted(files) == [".csv", ".pdf", ".xlsx"]
    assert files[".pdf"].startswith(b"%PDF-")
    several = corral("jobs", "download", job_id, "--into", str(tmp_path / "one.pdf"))
    assert "is no folder, and the job has 3 files; name one" in several.err
    assert "Regional orders" in corral("jobs", "show", job_id, "--json").out


def test_a_failed_job_ends_the_watching_with_a_code_of_its_own(corral):
    failed = corral(
        "jobs", "submit", "demo.fail", "--field", "times:=9", "--field", "exception=Discard", "--wait", "120"
    )
    assert failed.code == ExitCode.JOB_FAILED
    job_id = failed.out.split()[0]
    assert corral("jobs", "watch", job_id).code == ExitCode.JOB_FAILED
    again = corral("jobs", "retry", job_id, "--json").json
    assert again[0]["life"] == 2


def test_numbers_keep_their_digits_through_payload_handler_result_and_screen(corral):
    payload = (
        '{"whole": 1180591620717411303424, "more": [9007199254740993, -18446744073709551617], "real": 0.1}'
    )
    job = corral("jobs", "submit", "demo.echo", "--payload", payload, "--wait", "120", "--json").json
    assert job["state"] == "completed"
    assert job["result"] == job["payload"] == json.loads(payload)
    shown = corral("jobs", "show", job["id"]).out
    assert shown.count("1180591620717411303424") == shown.count("-18446744073709551617") == 2


def test_a_job_that_does_not_end_in_time_is_told_apart_from_a_failed_one(corral):
    long = ("demo.sleep", "--field", "seconds:=600", "--wait", "1", "--json")
    answer = corral("jobs", "submit", *long)
    assert answer.code == ExitCode.NOT_ENDED
    assert json.loads(answer.out)["state"] in ("queued", "running")
    assert corral("jobs", "cancel", json.loads(answer.out)["id"]).code == 0


def test_who_waits_for_what_does_not_run_is_told_why(corral, system):
    assert corral("queues", "pause", "demo").code == 0
    try:
        waited = corral("jobs", "submit", "demo.echo", "--wait", "1")
        assert waited.code == ExitCode.NOT_ENDED
        assert "The queue demo has been paused" in waited.err
        assert "corral queues resume demo" in waited.err
        assert "paused" not in corral("jobs", "submit", "demo.echo", "--wait", "1", "--json").err
        load = subprocess.Popen(
            [sys.executable, "-m", "corral.cli", "load", "--count", "3", "--mix", "demo.echo"],
            cwd=system.folder, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with load:
            assert load.stdout is not None
            assert load.stdout.readline() == "no job has run for 10 s:\n"
            assert load.stdout.readline().startswith("The queue demo has been paused")
            assert corral("queues", "resume", "demo").code == 0
            assert "3 completed" in load.stdout.read()
        assert load.returncode == 0
    finally:
        corral("queues", "resume", "demo")


def test_a_load_is_submitted_followed_and_summed_up(corral):
    summary = corral("load", "--count", "300", "--mix", "demo.echo=9,demo.sleep=1", "--json").json
    assert (summary["submitted"], summary["completed"], summary["missing"]) == (300, 300, 0)
    assert summary["throughput"] > 0
    assert 0 <= summary["wait"]["p50"] <= summary["wait"]["p99"]
    paced = corral("load", "--rate", "20", "--duration", "1", "--mix", "demo.echo")
    assert paced.code == 0
    assert paced.out.startswith("20 submitted with the tag load-")
