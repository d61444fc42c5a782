"""The publisher, which waits for a request for five seconds in place of 75."""

import sys

from corral_publisher.__main__ import main

if __name__ == "__main__":
    from corral_publisher.processes import server

    server.KEEPALIVE_SECONDS = 5
    sys.exit(main())
