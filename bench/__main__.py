"""The command line: `python -m bench`, `python -m bench throughput --quick`, `python -m bench page`."""

import sys

from bench.run import main

sys.exit(main(sys.argv[1:]))
