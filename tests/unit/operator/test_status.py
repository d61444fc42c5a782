"""What is written into a pool's status, and when."""

from corral_operator.reports.status import FIGURES_SECONDS, Held, Written, conditions

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def by_type(given: list[dict]) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["lastTransitionTime"]) for one in given}


def test_ready_says_that_the_specification_is_accepted_whatever_the_signal():
    found = conditions([Held("SignalLost", "x")], None, [], NOW)
    assert by_type(found) == {"Ready": ("True", NOW), "SignalLost": ("True", NOW)}


def test_a_condition_that_is_over_stays_as_false_and_keeps_its_time():
    first = conditions([Held("Limited", "x")], None, [], THEN)
    second = conditions([], None, first, NOW)
    assert by_type(second) == {"Ready": ("True", THEN), "Limited": ("False", NOW)}
    assert by_type(conditions([], None, second, "later"))["Limited"] == ("False", NOW)


def test_a_pool_that_can_not_be_scaled_is_not_ready():
    found = conditions([], Held("TargetMissing", "there is no Deployment w"), [], NOW)
    assert (found[0]["status"], found[0]["reason"]) == ("False", "TargetMissing")


def test_a_status_is_written_only_when_it_changed_and_figures_seldom():
    status = {"replicas": 1, "desired": 1, "backlogJobs": 3, "reason": "1: 3 jobs", "conditions": []}
    written = Written(status, at=0.0)
    assert not written.outdated_by(dict(status), FIGURES_SECONDS * 9)
    assert not written.outdated_by(status | {"backlogJobs": 4, "reason": "1: 4 jobs"}, FIGURES_SECONDS - 1)
    assert written.outdated_by(status | {"backlogJobs": 4}, FIGURES_SECONDS)
    assert written.outdated_by(status | {"desired": 2}, 1)
    assert written.outdated_by(status | {"conditions": [{"type": "Limited", "status": "True"}]}, 1)


def test_what_is_waited_for_is_written_at_once():
    status = {"replicas": 1, "reason": "1 → 0", "conditions": []}
    written = Written(status, at=0.0, waits=("NotAnswered",))
    assert not written.outdated_by(status | {"reason": "1 → 0; a: 5 s"}, 1, ("NotAnswered",))
    assert written.outdated_by(status | {"reason": "1 → 0"}, 1, ())
    assert written.outdated_by(status, 1, ("JobsRunning", "NotAnswered"))


def test_a_condition_whose_reason_changes_is_written_at_once_and_keeps_its_time():
    first = conditions([Held("ScaleDownHeld", "x", "JobsRunning")], None, [], THEN)
    second = conditions([Held("ScaleDownHeld", "y", "NotAnswered")], None, first, NOW)
    assert by_type(second)["ScaleDownHeld"] == ("True", THEN)
    assert Written({"conditions": first}).outdated_by({"conditions": second}, 1)
