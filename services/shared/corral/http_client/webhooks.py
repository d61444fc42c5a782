"""Webhooks for the Python client: `Client(…).webhooks`."""

from collections.abc import Iterator
from datetime import datetime

from corral.http_client.api_calls import ApiCalls, Json
from corral.http_client.api_request import path_of


class WebhookClient:
    """Webhooks of one publisher. Answers are JSON, as docs/reference/api.md has it.

    Every method raises, beside what it says:
        ApiProblem: the publisher refused it; `fields` names what is wrong.
        Unreachable: the publisher did not answer.
    """

    def __init__(self, api: ApiCalls) -> None:
        self._api = api

    def list(self, *, limit: int | None = None) -> Iterator[Json]:
        """All webhooks by name."""
        return self._api.pages("/webhooks", limit=limit)

    def get(self, name: str) -> Json:
        """The webhook of that name."""
        return self._api.get(path_of("webhooks", name))

    def create(self, name: str, url: str, **fields: Json) -> Json:
        """Make a webhook; the answer holds its secret, this once. `fields`: events, types, queues, format and so on."""
        return self._api.post("/webhooks", {"name": name, "url": url, **fields})

    def set(self, name: str, **fields: Json) -> Json:
        """Change fields; None is the default."""
        return self._api.patch(path_of("webhooks", name), fields)

    def enable(self, name: str) -> Json:
        """Tell it of jobs again."""
        return self._api.post(path_of("webhooks", name, "enable"))

    def disable(self, name: str, reason: str | None = None) -> Json:
        """Tell it nothing until it is enabled."""
        return self._api.post(path_of("webhooks", name, "disable"), {"reason": reason})

    def rotate(self, name: str, *, secret: str | None = None, overlap: float | None = None) -> Json:
        """Give it a new secret, which the answer holds; the old one signs, too, for `overlap` seconds, or a day."""
        body = {"secret": secret, "overlap": overlap}
        return self._api.post(
            path_of("webhooks", name, "rotate"),
            {key: value for key, value in body.items() if value is not None},
        )

    def test(self, name: str) -> Json:
        """Send it a test; the answer is the delivery."""
        return self._api.post(path_of("webhooks", name, "test"))

    def delete(self, name: str) -> None:
        """Delete it with its secrets and deliveries."""
        self._api.delete(path_of("webhooks", name))

    def deliveries(self, name: str, *, status: str | None = None, limit: int | None = None) -> Iterator[Json]:
        """What was and is sent to it, newest first."""
        return self._api.pages(path_of("webhooks", name, "deliveries"), status=status, limit=limit)

    def delivery(self, name: str, delivery: str) -> Json:
        """One delivery."""
        return self._api.get(path_of("webhooks", name, "deliveries", delivery))

    def replay(self, name: str, delivery: str) -> Json:
        """Send one delivery again, under the same id."""
        return self._api.post(path_of("webhooks", name, "deliveries", delivery, "replay"))

    def replay_since(self, name: str, since: datetime | str, *, delivered: bool = False) -> int:
        """Send all since then again that failed or was skipped, or with `delivered` all; how many."""
        moment = since.isoformat() if isinstance(since, datetime) else since
        body = {"since": moment, "delivered": delivered}
        count: int = self._api.post(path_of("webhooks", name, "replay"), body)["deliveries"]
        return count
