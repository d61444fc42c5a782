from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from corral.job.priority import PRIORITIES, Priority
from corral_worker.claiming.lane_order import POPS_PER_LOOK_FROM_BELOW, LaneOrder

queues = st.sets(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=6)


@given(queues)
def test_every_pop_looks_into_every_lane_once(names: set[str]):
    lane_order = LaneOrder(names)
    for _ in range(50):
        lanes = lane_order.next()
        assert len(set(lanes)) == len(lanes) == len(names) * len(PRIORITIES)


@given(queues)
def test_priority_goes_before_queue_except_every_twentieth_time(names: set[str]):
    lane_order = LaneOrder(names)
    for number in range(1, 61):
        urgency = [PRIORITIES.index(lane.priority) for lane in lane_order.next()]
        assert urgency == sorted(urgency, reverse=number % POPS_PER_LOOK_FROM_BELOW == 0)


@given(queues)
def test_queues_take_turns(names: set[str]):
    lane_order = LaneOrder(names)
    first = Counter(lane_order.next()[0].queue for _ in range(1, 19 * len(names)) if True)
    assert set(first) == names
    assert max(first.values()) - min(first.values()) <= 3


def test_a_worker_without_queues_looks_nowhere():
    assert list(LaneOrder([]).next()) == []


def test_the_lowest_priority_is_reached_while_others_have_work():
    lane_order = LaneOrder(["a"])
    assert [lane_order.next()[0].priority for _ in range(POPS_PER_LOOK_FROM_BELOW)].count(Priority.LOW) == 1
