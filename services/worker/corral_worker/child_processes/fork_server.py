"""Imported by the fork server before it forks: prepares it, and spares every child the imports.

The fork server leads a group of its own and ignores SIGTERM, so that a signal to the worker's whole
group lets running jobs finish. It ends when the worker ends: the pipe between them breaks.
"""

import os
import signal

from corral_worker.child_processes import child, child_spans

os.setpgid(0, 0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child_spans.preload()

__all__ = ["child"]
