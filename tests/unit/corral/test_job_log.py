"""Log lines about jobs: the same lines as every other event's, and never silent about a failure."""

import json

import pytest
import structlog
from tests.fixtures.claimed import claimed_job

from corral import job_log, logs
from corral.job.job import Claimed
from corral.job.outcome import (
    Cancelled,
    Erred,
    ErrorKind,
    Exhausted,
    JobError,
    Outcome,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral.job.state import State
from corral.job_log import JobLog

BROKEN = JobError(ErrorKind.EXCEPTION, "builtins.ValueError", "it broke\nhere")
OUTCOMES: dict[str, tuple[Outcome, State]] = {
    "succeeded": (Succeeded("1"), State.COMPLETED),
    "errored": (Erred(BROKEN, 4.0), State.SCHEDULED),
    "exhausted": (Exhausted(BROKEN), State.FAILED),
    "released": (Released("the worker is stopping"), State.QUEUED),
    "snoozed": (Snoozed(4.0, BROKEN), State.SCHEDULED),
    "rate_limited": (Parked(4.0, "openai", "429"), State.QUEUED),
    "cancelled": (Cancelled("a cancel was requested"), State.CANCELLED),
}


def claimed(**fields) -> Claimed:
    plain = {"type": "demo.echo", "queue": "demo-1", "attempt": 2, "payload": "1", "errors": 1, "retries": 3}
    return claimed_job(**(plain | fields))


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch):
    """Logging as a process has it; afterwards as it was."""
    # A logger keeps how it was configured at its first use, which may have been another test's.
    monkeypatch.setattr(job_log, "log", structlog.get_logger("corral.job_log"))
    root = structlog.stdlib.logging.getLogger()
    before = (root.handlers[:], root.level)
    yield logs.configure
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()


def said(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_line_from_a_template_reads_like_a_line_of_any_other_event(configured, capsys, form):
    configured("info", form)
    job = claimed()
    JobLog("all", "info", form).ended([(job, Succeeded("1"), State.COMPLETED, 0.125)])
    structlog.get_logger("corral.job_log").info(
        "job.completed", job=str(job.id), type=job.type, queue=job.queue, attempt=2, seconds=0.125
    )
    ours, usual = capsys.readouterr().err.splitlines()
    if form == "json":
        ours, usual = json.loads(ours), json.loads(usual)
        assert ours.pop("timestamp")[:13] == usual.pop("timestamp")[:13]
        assert ours == usual
    else:
        assert ours.split("Z ", 1)[1] == usual.split("Z ", 1)[1]


@pytest.mark.parametrize(
    ("jobs", "level", "expected"),
    [
        ("all", "info", {"started", *OUTCOMES}),
        ("all", "warning", {"errored", "exhausted", "rate_limited"}),
        ("failed", "info", {"errored", "exhausted", "rate_limited"}),
        ("none", "info", {"exhausted"}),
        ("none", "error", {"exhausted"}),
    ],
)
def test_which_jobs_have_lines(configured, capsys, jobs, level, expected):
    configured(level, "json")
    log = JobLog(jobs, level, "json")
    heard = set()
    log.started([claimed()])
    heard |= {"started" for line in said(capsys) if line["event"] == "job.started"}
    for name, (outcome, state) in OUTCOMES.items():
        log.ended([(claimed(), outcome, state, 1.0)])
        heard |= {name for _ in said(capsys)}
    assert heard == expected


def test_a_failed_attempt_says_which_of_how_many_and_when_the_next_one_comes(configured, capsys):
    configured("info", "json")
    log = JobLog("failed", "info", "json")
    first = claimed(attempt=2, errors=1, retries=3)
    log.ended([(first, Erred(BROKEN, 4.0), State.SCHEDULED, 0.5)])
    last = claimed(attempt=9, errors=3, retries=3)  # five of its attempts were released
    log.ended([(last, Exhausted(BROKEN), State.FAILED, 0.5)])
    retried, failed = said(capsys)
    assert (retried["event"], retried["attempt"], retried["of"], retried["retry_in"]) == (
        "job.failed",
        2,
        4,
        4.0,
    )
    assert (failed["event"], failed["attempt"], failed["of"]) == ("job.failed", 9, 9)
    assert "retry_in" not in failed
    assert failed["error"] == "builtins.ValueError: it broke here"
    assert (retried["level"], failed["level"]) == ("warning", "error")


def test_an_error_that_a_requested_cancel_swallowed_is_told_as_a_cancel(configured, capsys):
    configured("info", "json")
    JobLog("all", "info", "json").ended([(claimed(), Erred(BROKEN, 4.0), State.CANCELLED, 0.5)])
    assert [line["event"] for line in said(capsys)] == ["job.cancelled"]
