"""The API as a patient client uses it: what was accepted is noted, what breaks on the way is asked again."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tests.cluster.cluster import until

from corral import client as api

T = TypeVar("T")
Json = Any
PATIENCE = 60.0
"""Seconds that a read is tried again while the publisher can't be reached."""
AGAIN = 0.3


class Client:
    """The API of one release, with its admin's key."""

    def __init__(self, url: str, key: str) -> None:
        self._api = api.Client(api.Connection(url, key, "the tests"))

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def get(self, path: str, **params: Json) -> Json:
        """GET below /api/v1, tried again while nobody answers."""
        return self._patiently(lambda: self._api.get(path, **params))

    def post(self, path: str, body: Json = None, **params: Json) -> Json:
        """POST below /api/v1, once."""
        return self._api.post(path, body, **params)

    def submit(self, type: str, payload: Json, *, wait: float | None = None, **options: Json) -> Json:
        """Submit one job, and wait for its end so long."""
        return self._api.submit(type, payload, wait=wait, **options)

    def submit_many(self, type: str, payloads: Iterable[Json], tag: str) -> list[str]:
        """Submit jobs in one call, so in one commit; their ids. The call is not repeated: that would make them twice."""
        jobs = [{"type": type, "payload": payload, "tags": [tag]} for payload in payloads]
        answer = self._api.post("/jobs/bulk", {"jobs": jobs})
        assert answer["refused"] == 0, answer
        return [job["id"] for job in answer["jobs"]]

    def job(self, id: str) -> Json:
        """One job as it is now."""
        return self.get(f"/jobs/{id}")

    def jobs(self, tag: str, **params: Json) -> list[Json]:
        """All jobs with a tag."""
        return self._patiently(lambda: list(self._api.pages("/jobs", tag=tag, **params)))

    def attempts(self, id: str) -> list[Json]:
        """Its earlier attempts."""
        found: list[Json] = self.get(f"/jobs/{id}/attempts")["items"]
        return found

    def counts(self, queue: str) -> Counter[str]:
        """Jobs of a queue per state."""
        return Counter(self.get(f"/queues/{queue}")["counts"])

    def pool(self, name: str) -> Json:
        """What the API says of a pool."""
        return next((pool for pool in self.get("/pools")["items"] if pool["name"] == name), None)

    def decisions(self, pool: str) -> list[Json]:
        """What was decided about a pool, the newest first."""
        return self._patiently(lambda: list(self._api.pages(f"/pools/{pool}/decisions")))

    def wait_running(self, queue: str, count: int, seconds: float) -> None:
        """Wait until at least so many jobs of a queue run."""
        until(lambda: self.counts(queue)["running"] >= count, f"{count} jobs of {queue} run", seconds)

    def wait_quiet(self, queue: str, seconds: float) -> None:
        """Wait until no job of a queue is scheduled, queued, blocked or running."""

        def quiet() -> bool:
            # Read from the rows: counts may be some seconds old where the machine is busy.
            states = "&".join(f"state={state}" for state in ("scheduled", "queued", "running", "blocked"))
            left = self.get(f"/jobs?queue={queue}&{states}&limit=1")["items"]
            assert not left, f"left: {left[0]['id']}, which is {left[0]['state']}"
            return True

        until(quiet, f"queue {queue} is quiet", seconds)

    def download(self, path: str) -> bytes:
        """A file."""

        def whole() -> bytes:
            with self._api.download(path) as response:
                return b"".join(response.iter_bytes())

        return self._patiently(whole)

    def _patiently(self, ask: Callable[[], T]) -> T:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except (api.Unreachable, api.ApiProblem) as error:
                refused = isinstance(error, api.ApiProblem) and error.status < 500
                if refused or time.monotonic() > deadline:
                    raise
                time.sleep(AGAIN)  # between two tries
