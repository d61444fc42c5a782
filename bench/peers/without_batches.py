"""Corral's worker with no type in batches: what handles batches is not entered for any job."""

import sys

from corral.process.startup import prepare
from corral_worker.batches.options import BatchOptions

if __name__ == "__main__":
    prepare()
    from corral_worker.main import main

    begin = BatchOptions.__init__

    def without(self: BatchOptions, *arguments: object) -> None:
        begin(self, *arguments)  # type: ignore[arg-type]
        self.types = {}

    BatchOptions.__init__ = without  # type: ignore[method-assign]
    sys.exit(main())
