"""Systems of `corral up`."""

from tests.fixtures.up import folder, start

__all__ = ["folder", "start"]
