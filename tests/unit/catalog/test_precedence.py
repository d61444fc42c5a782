"""Whose word counts for an option, and that it is told."""

from corral.catalog import job, job_type
from corral.catalog.precedence import PLAIN, QueueOverrides, Source, settle
from corral.catalog.record import record_of
from corral.job.options import Executor, Options, Retention


def test_only_what_a_declaration_says_is_registered():
    assert record_of(job_type("test.x")).options == {}
    assert record_of(job_type("test.x", retries=3, timeout=None)).options == {"retries": 3, "timeout": None}

    @job("test.y")
    def work() -> None: ...

    assert record_of(work).options == {"executor": "thread"}


def test_a_declaration_that_says_the_default_means_it():
    """Retries of three that somebody wrote down are no default for a queue to change."""
    queue = QueueOverrides(defaults={"retries": 9, "max_stalls": 9})
    settled = settle(record_of(job_type("test.x", retries=3)).options, queue, {})
    assert (settled.options.retries, settled.options.max_stalls) == (3, 9)
    assert settled.sources["retries"] is Source.TYPE
    assert settled.sources["max_stalls"] is Source.QUEUE


def test_every_option_has_a_source():
    queue = QueueOverrides(overrides={"priority": "low"}, defaults={"keep_finished": {"count": 5}})
    settled = settle({"executor": "process", "timeout": None}, queue, {"retries": 1, "timeout": 7})
    assert settled.options == Options(
        priority=settled.options.priority,
        keep_finished=Retention(count=5),
        executor=Executor.PROCESS,
        timeout=None,
        retries=1,
    )
    assert settled.sources.keys() == Options.__dataclass_fields__.keys()
    assert {option: source.value for option, source in settled.sources.items() if source != "default"} == {
        "priority": "override",
        "keep_finished": "queue",
        "executor": "type",
        "timeout": "type",
        "retries": "installation",
    }


def test_a_queue_can_not_say_what_belongs_to_the_type():
    queue = QueueOverrides(overrides={"queue": "other", "executor": "thread", "novelty": 1})
    assert settle({}, queue, {"tags": ["x"]}).options == Options()
    assert settle({}, PLAIN, {}).options == Options()
