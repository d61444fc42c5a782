"""Submits questions of two customers, waits for the answers, and prints how many calls there were at once."""

from corral.client import Client, Connection

CUSTOMERS = ("acme", "acme", "acme", "zeta")


def most_at_once(calls: list[tuple[float, float]]) -> int:
    """The most calls that overlap."""
    return max(sum(began <= start < ended for began, ended in calls) for start, _ in calls)


def main() -> None:
    """Submit, wait, print."""
    with Client(Connection.find()) as api:
        jobs = [api.submit("asks.ask", {"customer": customer}) for customer in CUSTOMERS]
        jobs += [api.submit("asks.summary", {"customer": "acme"}) for _ in range(4)]
        ended = [api.wait_for(job, 60) for job in jobs]
    assert all(job["state"] == "completed" for job in ended), ended
    calls = [(job["result"]["began"], job["result"]["ended"]) for job in ended]
    of_acme = calls[:3]
    print(  # noqa: T201  # it is a program
        f"calls: {len(calls)}; at once: {most_at_once(calls)}; of acme's questions: {most_at_once(of_acme)}"
    )


if __name__ == "__main__":
    main()
