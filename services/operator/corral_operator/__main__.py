"""`python -m corral_operator`."""

import sys

from corral_operator.main import main

sys.exit(main())
