"""The handler of `report.generate`, with the context that corral_testing makes."""

import pytest

from corral.errors import Discard, JobCancelled
from corral_jobs.report import ReportRequest, generate
from corral_jobs.report.handlers import do_generate
from corral_testing.context import sync_context

ROWS = [{"region": "North", "orders": 12}, {"region": "South", "orders": 7}]


def test_it_keeps_the_document_under_its_name_and_tells_its_progress():
    ctx, recording = sync_context(generate)
    report = do_generate(ReportRequest(title="Orders", rows=ROWS), ctx)
    assert list(recording.artifacts) == [report.name]
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
