"""Limits in words: what is in force, how many keys have something of their own, and who keeps none."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SHOWN = 3
"""Workers that are named."""


def values_in_words(values: Mapping[str, Any]) -> str:
    """What a limit or a rate says: `each 2 by customer, total 100, held for life`."""
    return ", ".join(_rate(values) if "rate" in values else _limit(values))


def keys_in_words(values: int, paused: int) -> str:
    """How many keys have values of their own, and how many are paused; empty where none is either."""
    told = []
    if values:
        told.append(
            "1 key has values of its own" if values == 1 else f"{values:,} keys have values of their own"
        )
    if paused:
        told.append("1 key is paused" if paused == 1 else f"{paused:,} keys are paused")
    return ", ".join(told)


def ignored_in_words(workers: Sequence[str]) -> str:
    """That workers of an earlier release run jobs past a limit; empty where there are none."""
    if not workers:
        return ""
    one = len(workers) == 1
    named = ", ".join(workers[:SHOWN]) + (f" and {len(workers) - SHOWN} more" if len(workers) > SHOWN else "")
    return (
        f"{'a worker' if one else f'{len(workers):,} workers'} of an earlier release "
        f"{'knows' if one else 'know'} no limits: {named}; the limit holds once {'it is' if one else 'they are'} gone"
    )


def _rate(values: Mapping[str, Any]) -> Iterator[str]:
    by = f" for each {values['by']}" if values.get("by") else ""
    yield f"{values['rate']:,.12g} in {values['per']:,.12g} s{by}"
    if values.get("burst"):
        yield f"{values['burst']:,.12g} of them at once"
    if isinstance(cost := values.get("cost", 1), str):
        yield f"a job takes as many as its {cost} says"
    elif cost != 1:
        yield f"a job takes {cost:,.12g}"
    match values.get("at"):
        case "attempt":
            yield "counted until the attempt ends"
        case "call":
            yield f"taken by handlers before each call, which arrives within {values['deadline']:g} s"


def _limit(values: Mapping[str, Any]) -> Iterator[str]:
    of_batches = " batches" if values.get("unit") == "batch" else ""
    if values.get("each"):
        yield f"each {values['each']:,}{of_batches} by {values.get('by')}"
    elif values.get("by") and values.get("total") is None:
        yield f"by {values['by']}"
    if values.get("total"):
        yield f"total {values['total']:,}{of_batches}"
    if values.get("per_worker"):
        yield f"{values['per_worker']:,} in each worker"
    if values.get("max_waiting"):
        yield f"{values['max_waiting']:,} may wait"
    if values.get("on_full", "queue") != "queue":
        yield f"when full: {values['on_full']}"
    if values.get("hold", "attempt") != "attempt":
        yield f"held for {values['hold']}"
    if weights := values.get("weights"):
        yield "weights " + ", ".join(f"{key}: {weight:g}" for key, weight in sorted(weights.items()))
