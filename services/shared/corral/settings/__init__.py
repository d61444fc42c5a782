"""Settings: read once in `main`, checked as a whole, passed down."""

from corral.settings.model import Settings
from corral.settings.sources import Setting, names

__all__ = ["Setting", "Settings", "names"]
