"""What is taken of a limit by whoever holds a slot of it: its total, its key, or both."""

from corral.catalog.limits.evaluation import key_of
from corral.errors import FieldError, InvalidInput
from corral.job.limit_use import name_of
from corral.store import Store


async def limit_names(store: Store, limit: str, key: str | None) -> tuple[str, ...]:
    """The names in `limit_keys`, sorted.

    Raises:
        InvalidInput: there is no such limit, or it has no such keys.
        Unavailable: Postgres is away.
    """
    found = await store.budget_notes.values(limit)
    if found is None:
        raise InvalidInput(FieldError("/limit", f"there is no limit {limit!r:.120}"))
    values = found.values
    if "rate" in values:
        raise InvalidInput(FieldError("/limit", f"{limit} is a rate; ctx.budget takes of rates of calls"))
    keyed = values.get("by") is not None
    if keyed != (key is not None):
        told = "counts by keys; name one with key=" if keyed else "has no keys: it is declared without by="
        raise InvalidInput(FieldError("/key", f"{limit} {told}"))
    if key is None:
        return (limit,)
    total = (limit,) if values.get("total") is not None else ()
    return (*total, name_of(limit, key_of(key)))
