"""Opening the store as the settings say."""

from corral.settings import Settings
from corral.store import Store


def open_store(settings: Settings, connections: int, name: str) -> Store:
    """A store of at most so many connections; it connects when first used. `name` is what Postgres shows."""
    return Store.open(
        settings.database_url,
        schema=settings.schema,
        pool_size=connections,
        application_name=name,
        artifact_dir=settings.artifact_dir if settings.artifact_store == "filesystem" else None,
    )
