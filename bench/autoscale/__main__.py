"""The command line: `python -m bench.autoscale`, `… --quick`, `… --trace FILE`, `… page`."""

import sys

from bench.autoscale.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
