"""The known WorkerPools. kopf's watch reports changes at once; a list twice a minute corrects what it missed.

kopf lists again after a broken watch, but does not report what is missing from the list: a pool that was deleted
meanwhile would be scaled for ever.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from corral_operator.cluster.pool_selector import PoolSelector
from corral_operator.cluster.worker_pool import WorkerPool
from corral_operator.reports.pool_notices import PoolNotice
from corral_operator.reports.status import Held, NoticeReason, Trouble

log = structlog.get_logger(__name__)

Document = Mapping[str, Any]


class PoolIndex:
    """All known WorkerPools that the selector selects, by the names of their resources."""

    def __init__(self, selector: PoolSelector | None = None) -> None:
        self._selector = selector or PoolSelector()
        self._known: dict[str, tuple[int, WorkerPool]] = {}
        self._nobodys: dict[str, tuple[int, WorkerPool]] = {}
        """Pools without any label that the selector asks for."""
        self._unreadable: dict[str, int] = {}
        """The versions of those that were told as unreadable: each version is told once."""

    def all(self) -> list[WorkerPool]:
        """All pools, the oldest first; of two resources for one pool, that which is scaled."""
        return sorted(self._chosen().values(), key=lambda one: (one.created, one.name))

    def seen(self, document: Document, deleted: bool) -> None:
        """Take an event of the watch."""
        if deleted:
            self._forget(document["metadata"]["name"])
        else:
            self._keep(document)

    def listed(self, documents: Iterable[Document], version: int) -> None:
        """Take a list of all pools and its version. Known pools that are older and not in the list are removed."""
        names = set()
        for document in documents:
            names.add(document["metadata"]["name"])
            self._keep(document)
        for name, (known, _) in [*self._known.items(), *self._nobodys.items()]:
            if name not in names and known <= version:
                self._forget(name)

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

    def notices(self) -> list[PoolNotice]:
        """The resources that are not scaled, each with the reason: another one is the same pool, or nobody's labels."""
        chosen = self._chosen()
        doubled = [
            PoolNotice(pool, Held(Trouble.TARGET_TAKEN, f"{chosen[pool.name].resource} is the pool {pool.name} too, and is scaled instead: delete this WorkerPool"))
            for _, pool in self._known.values()
            if chosen[pool.name] is not pool
        ]  # fmt: skip
        why = Held(
            NoticeReason.NOT_SELECTED,
            f"no operator scales this pool: it has none of the labels of {self._selector.text!r}. Label it so, or change the selector of an operator (operator.poolSelector in the chart)",
        )
        return [*doubled, *(PoolNotice(pool, why, own=False) for _, pool in self._nobodys.values())]

    def _chosen(self) -> dict[str, WorkerPool]:
        """The resource of each pool. One whose name is the pool's alone gives way: so they were named formerly."""
        order = sorted(
            (pool for _, pool in self._known.values()),
            key=lambda one: (one.resource == one.name, one.created, one.resource),
        )
        return {pool.name: pool for pool in reversed(order)}

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._nobodys.pop(name, None)

    def _keep(self, document: Document) -> None:
        meta = document["metadata"]
        name, version = meta["name"], int(meta["resourceVersion"])
        known = self._known.get(name) or self._nobodys.get(name)
        if known is not None and known[0] >= version:
            return
        self._forget(name)
        labels = meta.get("labels") or {}
        selected = self._selector.matches(labels)
        if not selected and not self._selector.unrelated(labels):
            return  # another operator's
        try:
            (self._known if selected else self._nobodys)[name] = version, WorkerPool.of(document)
        except (KeyError, ValueError, TypeError) as error:
            if self._unreadable.get(name) != version:
                log.error("pool.unreadable", pool=name, error=repr(error))  # noqa: TRY400  # no traceback helps
            self._unreadable[name] = version
