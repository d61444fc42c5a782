"""Leadership and the periodic duties (protocol rules 22, 25 and 26)."""

from corral.maintenance.run import run

__all__ = ["run"]
