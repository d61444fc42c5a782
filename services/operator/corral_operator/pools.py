"""The known WorkerPools. kopf's watch reports changes at once; a list twice a minute corrects what it missed.

kopf lists again after a broken watch, but does not report what is missing from the list: a pool that was deleted
meanwhile would be scaled for ever.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from corral_operator.worker_pool import WorkerPool

log = structlog.get_logger(__name__)

Document = Mapping[str, Any]


class PoolIndex:
    """All known WorkerPools, by name."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, WorkerPool]] = {}

    def all(self) -> list[WorkerPool]:
        """All pools, the oldest first."""
        return sorted((pool for _, pool in self._known.values()), key=lambda one: (one.created, one.name))

    def seen(self, document: Document, deleted: bool) -> None:
        """Take an event of the watch."""
        name = document["metadata"]["name"]
        if deleted:
            self._known.pop(name, None)
        else:
            self._keep(document)

    def listed(self, documents: Iterable[Document], version: int) -> None:
        """Take a list of all pools and its version. Known pools that are older and not in the list are removed."""
        names = set()
        for document in documents:
            names.add(document["metadata"]["name"])
            self._keep(document)
        for name, (known, _) in list(self._known.items()):
            if name not in names and known <= version:
                del self._known[name]

    def rivals(self) -> dict[str, str]:
        """The pools whose Deployment belongs to an older pool, each with a sentence that says so."""
        owners: dict[str, str] = {}
        taken = {}
        for pool in self.all():
            owner = owners.setdefault(pool.target, pool.name)
            if owner != pool.name:
                taken[pool.name] = (
                    f"the older pool {owner} scales {pool.target}: give this one another target"
                )
        return taken

    def _keep(self, document: Document) -> None:
        meta = document["metadata"]
        version = int(meta["resourceVersion"])
        known = self._known.get(meta["name"])
        if known is not None and known[0] >= version:
            return
        try:
            self._known[meta["name"]] = version, WorkerPool.of(document)
        except (KeyError, ValueError, TypeError) as error:
            self._known.pop(meta["name"], None)
            log.error("pool.unreadable", pool=meta["name"], error=repr(error))  # noqa: TRY400  # no traceback helps
