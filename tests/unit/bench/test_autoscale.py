"""The simulator that judges the autoscaler: it loses no job, interrupts where Kubernetes would, and compares fairly."""

import pytest
from bench.autoscale import capacity, limits, plot
from bench.autoscale.frontier import beating, cheapest_as_soon, frontier
from bench.autoscale.gate import Gate, Limited
from bench.autoscale.ours import Corral
from bench.autoscale.outcome import Cluster
from bench.autoscale.peers import Fixed, Hpa, Naive, Soonest, grid
from bench.autoscale.reading import Reading, Standing
from bench.autoscale.seen import Seen
from bench.autoscale.shape import SHAPES, Load, traced
from bench.autoscale.simulator import Run
from bench.autoscale.step_up import overshoot
from bench.autoscale.svg import ticks
from bench.autoscale.tournament import OURS, Heat, run_heat
from bench.autoscale.verdict import contests, goals

SPIKE = next(shape for shape in SHAPES if shape.name == "spike")


def one(p95: float, cost: float, interrupted: int = 0) -> Standing:
    return Standing("peer", p95, cost, interrupted, 0.0, 1)


def test_one_pod_of_one_slot_works_jobs_off_in_turn():
    outcome = Run(Load((0.0, 0.0, 0.0), (2.0, 2.0, 2.0), 0.0), Cluster(1), Fixed(1), 1).go()
    assert outcome.waits == [0.0, 2.0, 4.0]
    assert (outcome.last_end, outcome.pod_seconds, outcome.cost) == (6.0, 6.0, 1.0)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_job_runs_whoever_scales(shape):
    load = shape.draw(5, 4, 20)
    for scaler in (Corral(), Naive()):
        run = Run(load, Cluster(4), scaler, 5)
        outcome = run.go()
        assert run.completed == len(load.arrivals)
        assert min(outcome.waits) >= 0
        assert outcome.interrupted == 0
        assert outcome.cost >= 1


def test_deleting_pods_under_long_jobs_interrupts_them_and_draining_does_not():
    load = Load((0.0,) * 8, (*([1.0] * 4), *([200.0] * 4)), 400.0)
    hasty = Hpa("KEDA", poll=1.0, running=False, target=1.0, window=0.0, unlimited=True)
    assert Run(load, Cluster(1, most=8), hasty, 3).go().interrupted > 0
    assert Run(load, Cluster(1, most=8), Naive(), 3).go().interrupted == 0


def test_of_twenty_pods_at_once_the_last_starts_as_late_as_was_measured():
    load = Load((0.0,) * 100, (30.0,) * 100, 30.0)
    run = Run(load, Cluster(1), Soonest(0.0, 20), 1)
    outcome = run.go(sampled=True)
    full = next(at for at, _, _, running in outcome.samples if running == 20)
    assert full == pytest.approx(9.3, abs=1.2)


def test_pods_beyond_the_nodes_stay_pending_and_the_law_copes():
    load = SPIKE.draw(2, 4, 20)
    run = Run(load, Cluster(4, nodes_hold=6), Corral(), 2)
    outcome = run.go(sampled=True)
    assert run.completed == 1010
    assert max(running for _, _, _, running in outcome.samples) == 24


def test_without_a_signal_nothing_changes():
    step = SHAPES[0]
    run = Run(step.draw(1, 4, 20), Cluster(4), Corral(silent=(250.0, 330.0)), 1)
    assert not [at for at, _ in run.go().changes if 266 <= at < 330]


def test_who_is_better_on_both_and_clearly_on_one_beats():
    ours = one(2.0, 1.4)
    assert beating(ours, [one(1.0, 1.39)])
    assert beating(ours, [one(2.0, 1.3)])
    assert not beating(ours, [one(1.9, 1.39), one(1.0, 1.41), one(2.1, 1.0), one(0.0, 1.0, interrupted=1)])
    assert cheapest_as_soon(ours, [one(2.1, 1.0), one(2.0, 1.6), one(1.0, 1.5)]) == one(1.0, 1.5)
    assert cheapest_as_soon(ours, [one(2.1, 1.0)]) is None
    assert frontier([one(0, 3), one(1, 2), one(2, 2.5), one(3, 1)]) == [one(0, 3), one(1, 2), one(3, 1)]


def test_a_whole_heat_is_judged_by_a_line_per_goal():
    chosen = [shape for shape in SHAPES if shape.name in {"step", "spike", "ramp", "periodic"}]
    readings = [reading for shape in chosen for reading in run_heat(Heat(shape, 4, 7, quick=True))]
    assert [Reading.from_json(reading.to_json()) for reading in readings] == readings
    found = contests(readings)
    lines = [goal.line() for goal in goals(found)]
    assert len(lines) == len({line.split()[1] for line in lines}) >= 10
    assert "GOAL autoscale_interrupted 0 <= 0 met" in lines
    assert all(line.split()[-1] in {"met", "missed"} for line in lines)
    assert "<title>p95 wait and cost of every scaler</title>" in plot.standing(found).rendered()
    assert all(len(contest.runs[OURS]) == 1 for contest in found)


def test_overshoot_is_the_most_at_first_over_what_is_asked_for_later():
    rise = [(50.0, 1), (110.0, 12), (120.0, -4), (180.0, 2), (190.0, -2), (210.0, -9)]
    assert overshoot(rise, 100, 200) == 14 / 10
    assert overshoot([], 100, 200) == 1.0
    assert overshoot([(150.0, 3)], 100, 200) == 1 / 4
    assert overshoot([(130.0, 3)], 100, 200) == 1.0


def test_the_grid_holds_every_setting_once():
    names = [peer.name for peer in grid(4)]
    assert len(names) == len(set(names)) > 150
    assert any(name.startswith("HPA") for name in names)


def test_a_trace_is_a_load_and_what_is_wrong_with_one_is_said(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("arrival,service\n3.5,2\n0,1.5\n")
    assert traced(path).draw(1, 4, 20) == Load((0.0, 3.5), (1.5, 2.0), 63.5)
    path.write_text("arrival,service\n3.5,2\n0,soon\n")
    with pytest.raises(ValueError, match="row 3: arrival and service must be numbers"):
        traced(path)
    path.write_text("arrival,service\n")
    with pytest.raises(ValueError, match="holds no jobs"):
        traced(path)


def test_ticks_are_round_and_within():
    assert ticks(0, 600) == [0, 200, 400, 600]
    assert ticks(1.1, 2.3) == [1.5, 2.0]


def test_a_picture_shows_each_scaler():
    points = [(0.0, 1, 3, 4), (4.0, 2, 0, 8)]
    drawn = plot.over_time(
        [Seen("step", "Corral", points), Seen("step", "naive, window 60 s", points)]
    ).rendered()
    assert drawn.count("<polygon") == 3
    assert ">Corral<" in drawn
    assert ">naive law<" in drawn


def test_a_burst_on_a_pool_at_zero_is_cleared_as_the_page_says():
    found = capacity.cleared(500)
    assert found.asked <= 3
    assert found.peak == 10
    assert 13 <= found.gone <= 25
    assert found.empty > found.gone


def test_before_a_limit_no_pod_is_idle_and_the_backlog_is_worked_off_as_soon_as_with_all_pods():
    found = list(limits.runs(3, slots=(4, 50)))
    assert all(run.ours.interrupted == 0 for run in found)
    assert [goal.line() for goal in limits.goals(found, 0.0) if not goal.met] == []
    assert found[0].naive.peak == limits.MOST, "who does not know of the limit asks for all"
    assert any("but limit provider lets 25 run" in reason for reason in found[0].reasons)


def test_a_rate_lets_no_more_start_within_its_time_in_the_simulator():
    gate = Gate(Limited(starts=2, per=1.0))
    for at in (0.0, 0.5):
        assert gate.open(at, 0)
        gate.started(at)
    assert not gate.open(0.9, 0)
    assert gate.opens_at(0.9, 0) == 1.0
    assert gate.open(1.0, 0)
