"""The handler of `report.generate`, with the context that corral_testing makes."""

import hashlib
import re
from collections.abc import Iterator
from random import Random

import pytest

from corral.errors import Discard, JobCancelled
from corral.job.backoff import wait
from corral_jobs import installation
from corral_jobs.mail import Mail, template
from corral_jobs.report import ReportRequest, generate
from corral_jobs.report.handlers import do_generate
from corral_testing.context import sync_context

BASE = {
    "CORRAL_DATABASE_URL": "postgresql://x/y",
    "CORRAL_REDIS_URL": "redis://x",
    "CORRAL_PUBLIC_URL": "https://corral.example.com",
}
ROWS = [{"region": "North", "orders": 12}, {"region": "South", "orders": 7}]


def test_it_keeps_the_document_under_its_name_and_tells_its_progress():
    ctx, recording = sync_context(generate)
    report = do_generate(ReportRequest(title="Orders", rows=ROWS), ctx)
    assert list(recording.artifacts) == [*(file.name for file in report.files), report.name]
    assert recording.artifacts[report.name].startswith(b"%PDF")
    assert [percent for percent, _ in recording.progress] == sorted(
        percent for percent, _ in recording.progress
    )
    assert recording.progress[-1] == (100, "render: 1 page")


def test_it_reads_corrals_statistics_where_they_are_asked_for():
    ctx, recording = sync_context(generate, statistics=[{"queue": "mail", "queued": 3}])
    report = do_generate(ReportRequest(title="Queues", source="queue-statistics"), ctx)
    assert report.name in recording.artifacts


def test_data_that_are_no_table_are_not_tried_again():
    ctx, recording = sync_context(generate)
    with pytest.raises(Discard, match="the report can't be made"):
        do_generate(ReportRequest(title="Orders", rows=ROWS, group_by="missing"), ctx)
    assert recording.artifacts == {}


def test_a_cancel_ends_it():
    ctx, recording = sync_context(generate)
    recording.cancelled = True
    with pytest.raises(JobCancelled):
        do_generate(ReportRequest(title="Orders", rows=ROWS), ctx)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An installation with a public address, in demo mode."""
    for name, value in BASE.items():
        monkeypatch.setenv(name, value)
    installation.settings.cache_clear()
    yield monkeypatch
    installation.settings.cache_clear()


def test_its_mail_is_announced_with_a_link_whose_secret_stands_nowhere_else(installed: pytest.MonkeyPatch):
    ctx, recording = sync_context(generate)
    report = do_generate(ReportRequest(title="{{ 7 * 7 }} & more", rows=ROWS, email="ann@example.com"), ctx)
    ((on, job_type, payload, _),) = recording.follow_ups
    assert (on, job_type) == ("success", "email.send")
    mail = Mail.model_validate(payload)
    assert mail.variables is not None
    text, html = (
        template.render("body", one or "", mail.variables, html=one is mail.html)
        for one in (mail.body, mail.html)
    )
    found = re.search(r"https://corral\.example\.com/reports/(\S+)/download\?token=(\S+)", text)
    assert found is not None
    assert found[1] == str(ctx.job_id)
    assert report.link is not None
    assert report.link.sha256 == hashlib.sha256(found[2].encode()).hexdigest()
    assert found[2] not in report.model_dump_json()
    assert "The report “{{ 7 * 7 }} & more” is ready (1 page)" in text
    assert "{{ 7 * 7 }} &amp; more" in html
    assert report.mail is not None


def test_without_an_address_there_is_no_mail():
    ctx, recording = sync_context(generate)
    report = do_generate(ReportRequest(title="Orders", rows=ROWS), ctx)
    assert (recording.follow_ups, report.mail, report.link) == ([], None, None)


def test_what_an_attempt_made_that_was_lost_before_its_end_is_not_made_again():
    ctx, recording = sync_context(generate)
    first = do_generate(ReportRequest(title="Orders", rows=ROWS), ctx)
    assert recording.published == {first.name, *(file.name for file in first.files)}
    again, later = sync_context(
        generate,
        checkpointed=recording.checkpoints[-1],
        artifacts={first.name: recording.artifacts[first.name]},
    )
    assert do_generate(ReportRequest(title="Orders", rows=ROWS), again) == first
    assert later.progress == []
    unseen, later = sync_context(generate, checkpointed=recording.checkpoints[-1])
    assert do_generate(ReportRequest(title="Orders", rows=ROWS), unseen).pages == first.pages
    assert later.progress != []


def test_every_attempt_of_a_job_makes_the_same_bytes():
    ctx, recording = sync_context(generate)
    made = [do_generate(ReportRequest(title="Orders", rows=ROWS), ctx).sha256 for _ in range(2)]
    assert made[0] == made[1]
    assert len(recording.artifacts) == 3


def test_it_fails_and_takes_its_time_as_asked_in_demo_mode_alone(installed: pytest.MonkeyPatch):
    request = ReportRequest(title="Orders", rows=ROWS, fail_times=2, pace=[0.3, 0, 0])
    ctx, recording = sync_context(generate, errors=1)
    with pytest.raises(RuntimeError, match="error 2 of 2, as asked"):
        do_generate(request, ctx)
    percents = [percent for percent, _ in recording.progress]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (10, 30)
    assert len(percents) > 2
    last, _ = sync_context(generate, errors=2)
    assert do_generate(request, last).pages == 1
    installed.setenv("CORRAL_DEMO_JOBS", "false")
    installation.settings.cache_clear()
    with pytest.raises(Discard, match="CORRAL_DEMO_JOBS"):
        do_generate(request, last)


def test_its_retries_come_after_exactly_two_four_and_eight_seconds():
    assert generate.options.retries == 3
    assert [wait(generate.options.backoff, errors, Random(1)) for errors in (1, 2, 3)] == [2, 4, 8]
    assert generate.options.max_stalls == 2
