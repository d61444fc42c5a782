"""When a signal is believed."""

from corral.scaling.signal import LOST_SECONDS, Signal, SignalWatch


def test_a_signal_is_lost_when_its_sequence_stands_still():
    watch = SignalWatch()
    assert not watch.fresh(None, 0.0)
    assert watch.fresh(Signal(7, {}), 1.0)
    assert watch.fresh(Signal(7, {}), 1.0 + LOST_SECONDS)
    assert not watch.fresh(Signal(7, {}), 1.1 + LOST_SECONDS)
    assert watch.fresh(Signal(8, {}), 100.0)
