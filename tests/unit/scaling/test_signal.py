"""When a signal is believed."""

from corral.scaling.signal import LOST_AFTER, Signal, SignalWatch


def test_a_signal_is_lost_when_its_sequence_stands_still():
    watch = SignalWatch()
    assert not watch.fresh(None, 0.0)
    assert watch.fresh(Signal(7, {}), 1.0)
    assert watch.fresh(Signal(7, {}), 1.0 + LOST_AFTER)
    assert not watch.fresh(Signal(7, {}), 1.1 + LOST_AFTER)
    assert watch.fresh(Signal(8, {}), 100.0)
