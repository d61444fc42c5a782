"""The dominant colour of a picture."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

COARSE_BITS = 4
"""Colours whose channels agree in their upper four bits count as one."""
VISIBLE_ALPHA = 128
"""Pixels below are transparent, and count for nothing."""


def dominant(pixels: Iterable[Sequence[int]]) -> str | None:
    """The mean of the largest group of like colours, as `#rrggbb`; None where nothing is visible.

    `pixels` are red, green, blue and alpha, 0 to 255 each.
    """
    counts: Counter[tuple[int, int, int]] = Counter()
    sums: defaultdict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    shift = 8 - COARSE_BITS
    for red, green, blue, alpha in pixels:
        if alpha < VISIBLE_ALPHA:
            continue
        group = (red >> shift, green >> shift, blue >> shift)
        counts[group] += 1
        total = sums[group]
        total[0] += red
        total[1] += green
        total[2] += blue
    if not counts:
        return None
    group, count = max(counts.items(), key=lambda one: (one[1], one[0]))
    return "#" + "".join(f"{round(channel / count):02x}" for channel in sums[group])
