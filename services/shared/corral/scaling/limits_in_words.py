"""What a limit has to do with a decision, in words: "4,000 jobs wait, but limit openai lets 25 run"."""

from collections.abc import Sequence

from corral.scaling.demand import Demand
from corral.scaling.limited_signal import BindingLimit, Bound
from corral.time_span import span

_A_TIME = {1.0: "each second", 60.0: "each minute", 3600.0: "each hour", 86_400.0: "each day"}


def limited(asked: Sequence[Demand], largest: Demand | None) -> str:
    """Why more workers would not help; empty where a limit is not what most jobs wait for.

    Args:
        asked: every demand of the pool.
        largest: the demand that asks for most workers; None where none asks for any.
    """
    demand = largest or max(asked, key=lambda one: one.held, default=None)
    if demand is None or not demand.held or 2 * demand.held < demand.waiting:
        return ""
    held = [(one, one.binding) for one in demand.limited if one.binding is not None and one.held]
    if not held:
        return ""
    worst = max(held, key=lambda pair: pair[0].held)[1]
    waiting = sum(one.held + one.queued for one, binding in held if binding.name == worst.name)
    jobs = "1 job waits" if waiting == 1 else f"{waiting:,} jobs wait"
    return f"{jobs}, but limit {worst.name} {_says(worst)}"


def _says(limit: BindingLimit) -> str:
    match limit.bound:
        case Bound.TOTAL:
            said = f"lets {limit.lets:,.0f} run"
        case Bound.KEY:
            key = "the key that they wait for" if limit.keys == 1 else "each key"
            said = f"lets {limit.lets:,.0f} run for {key}"
        case Bound.RATE:
            said = f"lets {limit.lets:,.10g} start {_A_TIME.get(limit.per) or f'in {span(limit.per)}'}"
        case Bound.PAUSED:
            said = "is paused"
        case Bound.PARKED:
            said = "waits, as its provider asked for"
        case _:  # unknown
            said = "has no room"
    return said
