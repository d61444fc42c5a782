"""Submits work of one account, and prints what became of it at limits that are full."""

from collections import Counter

from corral.api_problem import ApiProblem
from corral.client import Client, Connection

ACCOUNT = {"account": "acme"}


def main() -> None:
    """Submit, wait, print."""
    with Client(Connection.find()) as api:
        deliveries = [api.submit("syncs.deliver", ACCOUNT | {"version": number}) for number in range(4)]
        syncs = [api.submit("syncs.sync", ACCOUNT | {"version": number}) for number in range(6)]
        api.submit("syncs.export", ACCOUNT)
        try:
            api.submit("syncs.export", ACCOUNT)
        except ApiProblem as refused:
            print(f"{refused.status}: {refused.detail}")  # noqa: T201  # it is a program
        ended = [api.wait_for(job, 60) for job in syncs]
        print("syncs:", dict(Counter(job["state"] for job in ended)), "last:", ended[-1]["state"])  # noqa: T201
        times = [api.wait_for(job, 60)["result"]["ended"] for job in deliveries]
        print("deliveries in order:", times == sorted(times))  # noqa: T201


if __name__ == "__main__":
    main()
