"""How the jobs of the types are put together whose handlers get several at once: as declared, with what operators set."""

from collections.abc import Callable, Mapping

from corral.catalog import Catalog
from corral.job.batch import Batch
from corral.job.options import Options


class BatchOptions:
    """The types of one worker whose handlers take batches."""

    def __init__(self, catalog: Catalog, in_force: Callable[[str], Options | None]) -> None:
        """`in_force` answers the options of a type by name; None where only the declaration is known."""
        self.types = {one.name: one for one in catalog if one.options.batch is not None}
        self._in_force = in_force

    def of(self, job_type: str) -> Batch:
        """The batches of one of the types."""
        options = self._in_force(job_type)
        declared = self.types[job_type].options.batch
        assert declared is not None
        return declared if options is None or options.batch is None else options.batch

    def all(self) -> Mapping[str, Batch]:
        """Those of each type."""
        return {name: self.of(name) for name in self.types}
