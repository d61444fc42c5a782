"""The metrics as text, as Prometheus reads them."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def exposition() -> bytes:
    """The metrics of this process, or of all processes that share PROMETHEUS_MULTIPROC_DIR."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(_WrittenFiles(Path(folder)))
    return generate_latest(registry)


class _WrittenFiles(MultiProcessCollector):
    """Adds up the files of processes, but for those without a byte.

    A file has none in the moment after a process made it, and for ever where the process was killed in that moment. The
    library can't read such a file, and would answer nothing at all.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(None, str(folder))  # type: ignore[no-untyped-call]  # the library has no types here
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """The metrics of all processes."""
        written: list[str] = []
        for file in self._folder.glob("*.db"):
            with suppress(FileNotFoundError):  # of a process that has ended
                if file.stat().st_size:
                    written.append(str(file))
        merged: Iterable[Metric] = self.merge(written, accumulate=True)  # type: ignore[no-untyped-call]
        return merged
