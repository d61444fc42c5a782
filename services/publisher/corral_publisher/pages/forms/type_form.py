"""The form of one job type on the start page: its fields, its example, and what keeps its jobs from working here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from corral.actions.submissions.known_type import KnownType
from corral.actions.why import pools as pool_causes
from corral.actions.why.workers import SILENT_SECONDS
from corral.job import mail_hold
from corral.store import WorkerState
from corral.store.artifacts import uploads
from corral_publisher.pages.forms.example import Obstacle, example_of, takes_upload
from corral_publisher.pages.forms.form import Field, FieldKind, fields_of, filled
from corral_publisher.pages.forms.text import texts_of
from corral_publisher.services import PublisherServices

MAX_OPEN_FIELDS = 4
"""A form with at most this many fields shows all of them; a longer one hides some under More fields."""
UPLOAD = f"/{uploads.FIELD}"
"""The pointer of the field that names an upload."""
EXAMPLE_PICTURE = "example-picture"
"""The name of the check box that says: use Corral's own picture."""


@dataclass(frozen=True, slots=True)
class TypeForm:
    """What the page shows of the chosen type."""

    known: KnownType
    fields: tuple[Field, ...]
    """Those to see at once."""
    more_fields: tuple[Field, ...]
    """The optional ones under More fields."""
    values: Mapping[str, str]
    """The text that each field starts with, by its name in the form."""
    obstacles: tuple[Obstacle, ...]
    takes_upload: bool


async def type_form(
    services: PublisherServices, known: KnownType, sent: Mapping[str, str] | None = None
) -> TypeForm:
    """The form of a type, filled with its example; or with what was sent.

    Raises:
        Unavailable: Postgres is away.
    """
    example = await example_of(known.record, services.store)
    fields = form_fields(known)
    values = texts_of(fields, example.values)
    obstacles = [*example.obstacles, *await _obstacles(services, known)]
    if not example.obstacles and sent is None and (empty := _unfilled(fields, values)):
        said = f"The type declares no example. Fill in {empty}; `examples` in its model would fill the form."
        obstacles.append(Obstacle(said))
    shown = {EXAMPLE_PICTURE: "true", **values} if sent is None else sent
    return TypeForm(known, *_divided(fields, values), shown, tuple(obstacles), takes_upload(known.record))


def form_fields(known: KnownType) -> tuple[Field, ...]:
    """The fields of a type's payload. The one that names an upload takes a file."""
    fields = fields_of(known.record.payload_schema)
    if not takes_upload(known.record):
        return fields
    return tuple(
        replace(item, kind=FieldKind.UPLOAD, label="File", required=False) if item.pointer == UPLOAD else item
        for item in fields
    )


def wants_example_picture(known: KnownType, fields: tuple[Field, ...], sent: Mapping[str, str]) -> bool:
    """Whether a sent form asks for Corral's own picture: it says so, and names no other source."""
    if not takes_upload(known.record) or sent.get(EXAMPLE_PICTURE) != "true":
        return False
    choices = (known.record.payload_schema or {}).get("oneOf", ())
    sources = {f"/{name}" for choice in choices for name in choice.get("required", ())} | {UPLOAD}
    return not any(filled(item, sent) for item in fields if item.pointer in sources)


async def _obstacles(services: PublisherServices, known: KnownType) -> list[Obstacle]:
    """What keeps a job of this type in its queue: the queue is paused, or no worker runs such jobs."""
    queue, name = known.options.queue, known.record.name
    stored = await services.store.queues.get(queue)
    if stored is not None and stored.paused_by == mail_hold.HOLDER:
        held = f"No mail server is set, so the mail is held until there is one. {mail_hold.ACTION}."
        return [Obstacle(held, "/queues", "Queues")]
    found = []
    if stored is not None and stored.paused:
        by = f" by {stored.paused_by}" if stored.paused_by else ""
        found.append(Obstacle(f"The queue {queue} is paused{by}: the job waits.", "/queues", "Queues"))
    workers = [
        worker
        for worker in await services.store.workers.list()
        if worker.silent_for < SILENT_SECONDS
        and worker.state is WorkerState.ACTIVE
        and queue in worker.queues
    ]
    if any(name in worker.types for worker in workers):
        return found
    reported = [pool.status for pool in services.pools.known() if not pool.stale]
    if workers:
        said = f"Workers listen on the queue {queue}, but none of them can run {name}: the job waits for one that can."
    elif resting := pool_causes.without_workers(reported, queue):
        said = f"{resting.message} {resting.action}." if resting.action else resting.message
    else:
        said = (
            f"No worker listens on the queue {queue}: the job waits until one starts, "
            f"as with `corral worker --queues {queue}`."
        )
    return [*found, Obstacle(said, "/workers", "Workers")]


def _divided(
    fields: tuple[Field, ...], values: Mapping[str, str]
) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """The fields to show at once, and the optional ones under More fields."""
    if len(fields) <= MAX_OPEN_FIELDS:
        return fields, ()
    files = [item for item in fields if item.kind is FieldKind.FILE_TEXT]
    if any(filled(item, values) for item in files):
        files = []  # the example has chosen among them
    first = [
        item
        for item in fields
        if item.required or item.kind is FieldKind.UPLOAD or item in files or filled(item, values)
    ]
    first += [item for item in fields if item not in first and item.kind is FieldKind.CHOICE]
    rest = tuple(item for item in fields if item not in first)
    return (tuple(first), rest) if first else (fields, ())


def _unfilled(fields: tuple[Field, ...], values: Mapping[str, str]) -> str:
    """The labels of required fields that have neither an example nor a default."""
    empty: list[str] = []

    def look(item: Field) -> None:
        if item.kind is FieldKind.GROUP:
            if item.required:
                for child in item.fields:
                    look(child)
        elif item.required and item.kind is not FieldKind.BOOLEAN:
            choice = item.kind is FieldKind.CHOICE  # the first one is chosen
            if not choice and not values.get(item.name, item.default).strip():
                empty.append(item.label)

    for item in fields:
        look(item)
    return " and ".join(empty[:3])
