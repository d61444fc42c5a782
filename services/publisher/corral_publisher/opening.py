"""Opening the store as the settings say."""

from corral.settings import Settings
from corral.store import Store


def open_store(settings: Settings, connections: int, name: str, *, direct: bool = False) -> Store:
    """A store of at most so many connections; it connects when first used. `name` is what Postgres shows.

    `direct`: past a pooler of connections, where there is one.
    """
    return Store.open(
        settings.direct_url if direct else settings.database_url,
        schema=settings.schema,
        pool_size=connections,
        application_name=name,
        artifact_dir=settings.artifact_dir if settings.artifact_store == "filesystem" else None,
        pooled=settings.pooled and not direct,
    )
