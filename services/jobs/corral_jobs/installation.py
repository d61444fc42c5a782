"""The installation's settings, for handlers: they are given none, and read them where they first need one."""

from functools import cache

from corral.settings import Settings


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings.load()
