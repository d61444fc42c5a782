"""Whatever the law may be told: signals, pools and fleets for Hypothesis."""

import math

from hypothesis import strategies as st

from corral.scaling.decision import Fleet
from corral.scaling.limited_signal import BindingLimit, Bound, LimitedSignal
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import QueueSignal, Signal, TypeSignal


@st.composite
def type_signals(draw: st.DrawFn) -> TypeSignal:
    mean = draw(st.floats(0.001, 600))
    return TypeSignal(
        completed=draw(st.integers(0, 10_000)),
        mean=mean,
        variance=draw(st.floats(0, 20)) * mean**2,
        share=draw(st.floats(0, 1)),
        running=draw(st.integers(0, 200)),
        elapsed=tuple(draw(st.lists(st.floats(0, 5000), max_size=5))),
    )


@st.composite
def limited_signals(draw: st.DrawFn) -> LimitedSignal:
    bounds = st.just(math.inf) | st.floats(0, 500)
    held = draw(st.integers(0, 10_000))
    return LimitedSignal(
        queued=draw(st.integers(0, 500)),
        held=held,
        running=draw(st.integers(0, 500)),
        arrived=draw(st.integers(0, 10**9)),
        work=draw(st.floats(0, 1e6)),
        held_work=draw(st.floats(0, 1e6)) if held else 0.0,
        held_unknown=draw(st.integers(0, held)),
        types=draw(st.frozensets(st.sampled_from(["x", "y"]))),
        ceiling=draw(bounds),
        rate=draw(bounds),
        binding=BindingLimit("openai", draw(st.sampled_from(Bound)), 25, 1.0, 2) if held else None,
        shared=draw(st.sampled_from(["", "openai"])),
    )


@st.composite
def queue_signals(draw: st.DrawFn) -> QueueSignal:
    queued = draw(st.integers(0, 100_000))
    unknown = draw(st.integers(0, queued))
    return QueueSignal(
        queued=queued,
        running=draw(st.integers(0, 500)),
        oldest=draw(st.floats(0, 10_000)) if queued else 0.0,
        arrived=draw(st.integers(0, 10**9)),
        work=draw(st.floats(0.01, 1e6)) if queued > unknown else 0.0,
        unknown=unknown,
        due_soon=draw(st.integers(0, 1000)),
        paused=draw(st.booleans()),
        types=draw(st.dictionaries(st.sampled_from(["x", "y"]), type_signals())),
        limited=draw(st.none() | limited_signals()),
    )


signals = st.builds(
    Signal,
    sequence=st.integers(0),
    queues=st.dictionaries(st.sampled_from(["a", "b", "c"]), queue_signals()),
    at=st.floats(0, 1e6),
)


@st.composite
def pools(draw: st.DrawFn) -> PoolSpec:
    low = draw(st.integers(0, 5))
    return PoolSpec(
        low,
        draw(st.integers(max(low, 1), 40)),
        slots=draw(st.integers(1, 60)),
        slots_of=draw(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 8))),
        queues=draw(st.none() | st.frozensets(st.sampled_from(["a", "b", "c"]), min_size=1)),
        wait=draw(st.floats(0.5, 300)),
        drain=draw(st.floats(0.5, 3600)),
        window=draw(st.floats(0, 600)),
    )


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    wanted = draw(st.integers(0, 60))
    return Fleet(
        wanted,
        draw(st.integers(0, wanted)),
        leaving=draw(st.integers(0, 10)),
        failing=draw(st.integers(0, wanted)),
        unschedulable=draw(st.integers(0, wanted)),
    )
