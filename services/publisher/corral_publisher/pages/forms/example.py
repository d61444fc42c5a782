"""Examples: the payload that the form of a job type starts with, so that one click submits a job that works.

A type declares them as `examples` of its JSON Schema. Where an example needs something of this installation, such as
a provider or a feed, what is stored here is put in; where there is none, the page says what is missing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from corral.catalog.record import TypeRecord
from corral.job.state import State
from corral.json_codec import Document
from corral.store import JobFilter, Store
from corral.store.artifacts import uploads
from corral.store.registry.providers import SLOTS_LIMIT

MAX_NAMED: Final = 5
"""Providers that a sentence names."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a job of a type can't work here as things are, in a sentence, and the page where that is changed."""

    message: str
    link: str | None = None
    page: str = ""
    """What the link is called."""


@dataclass(frozen=True, slots=True)
class Example:
    """What a form starts with: values by field of the payload."""

    values: Mapping[str, Any]
    obstacles: tuple[Obstacle, ...] = ()
    """What it needs that isn't here."""


async def example_of(record: TypeRecord, store: Store) -> Example:
    """The example of a job type, with what is stored here in it.

    Raises:
        Unavailable: Postgres is away.
    """
    declared = Example(_declared(record))
    if takes_upload(record):
        # The id of an upload is of no use elsewhere: the form offers a file and a picture of Corral's instead.
        rest = {name: value for name, value in declared.values.items() if name != uploads.FIELD}
        declared = replace(declared, values=rest)
    if calls_provider(record):
        declared = await _with_provider(record, declared, store)
    completed = _COMPLETED.get(record.name)
    return await completed(declared, store) if completed else declared


def takes_upload(record: TypeRecord) -> bool:
    """Whether the payload names an upload: then its form takes a file."""
    return uploads.FIELD in record.parsed_options.search and uploads.FIELD in _properties(record)


def calls_provider(record: TypeRecord) -> bool:
    """Whether the payload names a provider that the job calls."""
    return SLOTS_LIMIT in record.parsed_options.limits and "provider" in _properties(record)


def _properties(record: TypeRecord) -> Mapping[str, Any]:
    found = (record.payload_schema or {}).get("properties")
    return found if isinstance(found, Mapping) else {}


def _declared(record: TypeRecord) -> Mapping[str, Any]:
    """The first example of the type; else those of its fields, each the first."""
    examples = (record.payload_schema or {}).get("examples")
    for example in examples if isinstance(examples, list) else ():
        if isinstance(example, Mapping):
            return example
    return {
        name: node["examples"][0]
        for name, node in _properties(record).items()
        if isinstance(node, Mapping) and isinstance(node.get("examples"), list) and node["examples"]
    }


async def _with_provider(record: TypeRecord, example: Example, store: Store) -> Example:
    """With a provider that is set. A type that names one by default needs that one; the others call any."""
    names = sorted(provider.name for provider in await store.providers.all())
    usual = _properties(record)["provider"].get("default")
    wanted = example.values.get("provider", usual)
    if wanted in names:
        return example
    if names and usual is None:
        # The address itself: the path of the example is of another provider.
        rest = {name: value for name, value in example.values.items() if name not in ("path", "query")}
        return replace(example, values={**rest, "provider": names[0]})
    known = f" Set are {', '.join(names[:MAX_NAMED])}." if names else " None is set here."
    named = f"the provider {wanted}" if usual else "a provider"
    said = f"It needs {named}.{known} An admin sets one; until then such a job fails."
    return replace(example, obstacles=(*example.obstacles, Obstacle(said, "/providers", "Providers")))


async def _with_source(example: Example, store: Store) -> Example:
    """With a feed that is followed here."""
    active = await store.feeds.active()
    if active:
        return replace(example, values={**example.values, "source": str(active[0].id)})
    said = "It needs the id of a feed, and none is followed here. Corral submits such jobs when feeds are imported."
    return replace(example, obstacles=(*example.obstacles, Obstacle(said, "/imports", "Imports")))


async def _with_item(example: Example, store: Store) -> Example:
    item = {"title": "An example", "content": "<p>It is stored once, however often it is submitted.</p>"}
    return await _with_source(replace(example, values={"guid": "example-1", "item": item}), store)


async def _with_area(example: Example, store: Store) -> Example:
    """With the newest area that was fetched."""
    page = await store.jobs.page(JobFilter(type="area.fetch", states=frozenset({State.COMPLETED})), limit=1)
    for job in page.items:
        payload = job.payload.value if isinstance(job.payload, Document) else job.payload
        box = {name: payload[name] for name in ("south", "west", "north", "east", "tags") if name in payload}
        return replace(example, values={**box, "fetched_by": str(job.id)})
    said = "It measures what a job of area.fetch kept, and none has completed here. Each submits such a job itself."
    return replace(
        example, obstacles=(*example.obstacles, Obstacle(said, "/?type=area.fetch", "The form of area.fetch"))
    )


async def _with_delivery(example: Example, store: Store) -> Example:
    """With the newest delivery of the first webhook that has one."""
    for webhook in await store.webhooks.page(limit=MAX_NAMED):
        for delivery in await store.webhook_history.page(webhook.name, limit=1):
            return replace(example, values={"webhook": webhook.name, "delivery": str(delivery.id)})
    said = "It sends a delivery of a webhook, and there is none here yet. Corral submits such jobs when jobs end."
    return replace(example, obstacles=(*example.obstacles, Obstacle(said, "/webhooks", "Webhooks")))


_COMPLETED: Final[Mapping[str, Callable[[Example, Store], Awaitable[Example]]]] = {
    "feed.fetch": _with_source,
    "feed.item": _with_item,
    "area.measure": _with_area,
    "webhook.deliver": _with_delivery,
}
"""What is put into the examples of types whose jobs follow from other things."""
