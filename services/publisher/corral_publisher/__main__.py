"""`python -m corral_publisher`: the publisher, from its settings."""

import os
import shutil
import sys
import tempfile


def main() -> int:
    """Run until told to stop; the exit code says whether it could start."""
    # Before anything imports prometheus_client: it decides then how processes share their numbers.
    folder = tempfile.mkdtemp(prefix="corral-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    from corral_publisher.run import run  # noqa: PLC0415  the reason stands above

    owner = os.getpid()
    try:
        return run()
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
