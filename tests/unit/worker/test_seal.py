"""A seal holds by the worker's own clock, and by nothing else."""

from tests.fixtures.clock import Clock

from corral_worker.lifecycle.seal import SEAL_SECONDS, Seal


def test_a_seal_holds_for_its_time_after_the_last_answer():
    clock = Clock()
    seal = Seal(clock)
    assert not seal.held
    seal.keep()
    clock.now += SEAL_SECONDS - 1
    assert seal.held
    seal.keep()
    clock.now += SEAL_SECONDS - 1
    assert seal.held
    clock.now += 1
    assert not seal.held


def test_a_seal_is_broken_at_once():
    seal = Seal()
    seal.keep()
    seal.lift()
    assert not seal.held
