from typing import Any

from corral.catalog import Catalog, job_type
from corral.job.options import Executor
from corral_worker.claiming.slots import Slots, served

TYPES = {
    declared.name: declared
    for declared in (
        job_type("a", queue="fast"),
        job_type("b", queue="mixed"),
        job_type("c", queue="mixed", executor="process"),
        job_type("d", queue="heavy", executor="process"),
    )
}


def slots(**sizes: int) -> Slots:
    catalog = Catalog(TYPES)
    return Slots({Executor(name): size for name, size in sizes.items()}, catalog, catalog.queues())


def rooms(counted: Slots) -> dict[str, int]:
    """The room of each queue: the least of its budgets."""
    found: dict[str, Any] = {}
    for budget in counted.budgets():
        for queue in budget.queues:
            found[queue] = min(found.get(queue, budget.room), budget.room)
    return found


def test_a_queue_has_room_for_what_all_its_executors_can_take():
    assert rooms(slots(**{"async": 50, "process": 2})) == {"fast": 50, "mixed": 2, "heavy": 2}


def test_a_full_executor_closes_its_queues_and_no_others():
    counted = slots(**{"async": 50, "process": 1})
    counted.take(Executor.PROCESS)
    assert rooms(counted) == {"fast": 50, "mixed": 0, "heavy": 0}
    counted.free(Executor.PROCESS)
    assert counted.freed.is_set(), "the pop was bound by it, so its end is worth a look"
    assert rooms(counted) == {"fast": 50, "mixed": 1, "heavy": 1}


def test_the_end_of_a_job_is_not_worth_a_look_where_there_was_room():
    counted = slots(**{"async": 50, "process": 1})
    counted.take(Executor.ASYNC)
    counted.budgets()
    counted.free(Executor.ASYNC)
    assert not counted.freed.is_set()


def test_without_slots_for_an_executor_its_queues_are_not_served():
    assert slots(**{"async": 5, "process": 0}).queues == {"fast", "mixed"}


def test_the_queues_of_other_types_are_left_out_and_one_that_nobody_declares_is_served_where_it_is_named():
    catalog, declared = Catalog(TYPES), frozenset({"fast", "mixed", "heavy", "of-others"})
    assert served(("*",), catalog, declared) == {"fast", "mixed", "heavy"}
    assert served(("fast", "of-others", "night"), catalog, declared) == {"fast", "night"}
    assert served(("*", "night"), catalog, declared) == {"fast", "mixed", "heavy", "night"}
    sizes = {Executor.ASYNC: 5, Executor.PROCESS: 1}
    assert Slots(sizes, catalog, frozenset({"fast", "night"})).queues == {"fast", "night"}
    assert Slots({Executor.THREAD: 1}, catalog, frozenset({"night"})).queues == frozenset()


def test_a_quarter_of_abandoned_slots_is_stuck():
    counted = slots(**{"async": 8, "process": 2})
    assert counted.stuck() is None
    counted.abandoned[Executor.ASYNC] = 1
    assert counted.stuck() is None
    counted.abandoned[Executor.ASYNC] = 2
    assert counted.stuck() is Executor.ASYNC
