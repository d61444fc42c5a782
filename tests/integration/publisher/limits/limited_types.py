"""Job types with limits, for tests over HTTP: declared, registered, and what their jobs use."""

import httpx2
from pydantic import BaseModel

from corral.catalog import Limit, Queue, Rate, job_type
from corral.catalog.record import declaration_of, record_of
from corral.job.backoff import Exponential
from corral.store import Store


class Ask(BaseModel):
    customer: str | None = None
    tokens: float | None = None


api_limit = Limit("api", total=25)
customer = Limit("customer", each=2, total=100, by="customer", weights={"acme": 3})
fair = Limit("fair", each=2, by="customer")
tokens = Rate("tokens", 1000, per=60, cost="tokens")
asks = Queue("asks", retries=7, backoff=Exponential(3), keep_finished=5, limits=[api_limit])
ask = job_type("acme.ask", payload=Ask, queue=asks, limits=[customer, tokens])
plain = job_type("acme.plain", payload=Ask, queue="plain")
LIMITS = [declaration_of(one) for one in (api_limit, customer, fair, tokens)]


async def register(store: Store) -> None:
    """Register these types, limits and queues."""
    await store.registration.register(
        [record_of(ask), record_of(plain)], limits=LIMITS, queues=[declaration_of(asks)]
    )


async def uses(store: Store, job: str) -> dict[str, float]:
    rows = await store.database.run("SELECT limits, costs FROM corral.jobs WHERE id = %(id)s", {"id": job})
    names, costs = rows[0]
    return dict(zip(names or (), costs or (), strict=True))


def told(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
