"""The mix of a load test: of which job types its jobs are, and in which order. For the API, the page and `corral load`."""

from collections.abc import Iterator, Mapping

DEMO_SHARES: Mapping[str, int] = {"demo.echo": 90, "demo.sleep": 6, "demo.cpu": 2, "demo.fail": 2}
"""The mix of `corral load` where no other is given: most jobs of a real system are short, and some fail once."""
PAGE_SHARES: Mapping[str, int] = {"demo.echo": 80, "demo.sleep": 18, "demo.cpu": 2}
"""The mix of the form on the start page: more jobs take their time, so that workers scale, and none fails."""
DEMO_PAYLOADS: Mapping[str, Mapping[str, object]] = {
    "demo.echo": {"hello": "corral"},
    "demo.sleep": {"seconds": 0.2},
    "demo.cpu": {"seconds": 0.05},
    "demo.fail": {"times": 1},
    "report.generate": {"title": "Queue statistics", "source": "queue-statistics"},
}
"""The payload of each built-in job type where nothing else is given."""
MAX_OFFSET = 1000
"""Jobs by which a seed moves the beginning of the order at most."""


def dealt(shares: Mapping[str, int], count: int, seed: int = 0) -> Iterator[str]:
    """The job type of each job in order. Every stretch of them is mixed as the whole.

    Source: smooth weighted round robin, as in nginx.

    Args:
        shares: job type to its share; at least one is above 0.
        count: number of jobs.
        seed: the same seed gives the same order; another one begins elsewhere in it.
    """
    total = sum(shares.values())
    due = dict.fromkeys(shares, 0)
    skipped = seed % min(total, MAX_OFFSET)
    for position in range(skipped + count):
        for name, share in shares.items():
            due[name] += share
        chosen = max(due, key=lambda name: due[name])
        due[chosen] -= total
        if position >= skipped:
            yield chosen
