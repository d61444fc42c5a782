"""What a worker's exit code says to whoever started it; 0 is that it was told to stop."""

CONFIG = 2
"""A setting, a declaration or the database's schema is wrong: starting again changes nothing."""
BROKEN = 70
"""To be started again: something ended the worker's own code. Source: sysexits.h, EX_SOFTWARE."""
STUCK = 75
"""To be started again: too many handlers can't be stopped. Source: sysexits.h, EX_TEMPFAIL."""
