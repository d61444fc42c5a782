"""Submits jobs to all three queues, waits for them, and prints how many completed."""

import sys
from collections import Counter

from corral.client import Client, Connection

TYPES = ("shop.confirm", "shop.draw", "shop.bill")
BULK = 500


def main(count: int) -> None:
    """Submit so many jobs, wait, print."""
    wanted = [{"type": TYPES[number % 3], "payload": {"number": number}} for number in range(count)]
    with Client(Connection.find()) as api:
        jobs = []
        for first in range(0, count, BULK):
            answer = api.post("/jobs/bulk", {"jobs": wanted[first : first + BULK]})
            jobs += answer["jobs"]
        for job in jobs[-len(TYPES) :]:  # each queue is served in order
            api.wait_for(job, 120)
        states = Counter(api.wait_for(api.job(job["id"]), 30)["state"] for job in jobs)
    print(", ".join(f"{state}: {number}" for state, number in states.items()))  # noqa: T201  # it is a program


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
