"""What a worker's exit code says to whoever started it; 0 is that it was told to stop."""

CONFIG = 2
"""A setting, a declaration or the database's schema is wrong: starting again changes nothing."""
STUCK = 75
"""To be started again: too many handlers can't be stopped. Source: sysexits.h, EX_TEMPFAIL."""
