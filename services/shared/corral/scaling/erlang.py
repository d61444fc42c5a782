"""How many slots a steady load needs: the M/M/c queue, with an allowance for other service times."""

import math

MAX_EXACT_SLOTS = 20_000
"""Slots from which on the mean load is all that is asked for: a safety is small beside it."""


def slots_for(load: float, mean: float, wait: float, late: float, spread: float = 1.0) -> int:
    """The fewest slots with which at most the share `late` of jobs waits longer than `wait`.

    Args:
        load: jobs that run at once on average.
        mean: seconds that a job runs.
        wait: seconds.
        late: a share, such as 0.05.
        spread: variance of the service time over its mean squared; 1 is exponential. Waits grow by (1 + spread) / 2.

    Source: Erlang C; Allen and Cunneen's allowance for the spread (M/G/c).
    """
    if load <= 0:
        return 0
    slots = math.floor(load) + 1
    if slots >= MAX_EXACT_SLOTS:
        return slots
    lost = 1.0
    for n in range(1, slots + 1):
        lost = load * lost / (n + load * lost)
    stretch = (1 + spread) / 2
    while True:
        waits = lost / (1 - (load / slots) * (1 - lost))
        if waits * math.exp(-(slots - load) * wait / (mean * stretch)) <= late:
            return slots
        slots += 1
        lost = load * lost / (slots + load * lost)
