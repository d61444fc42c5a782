"""Settings: read once in `main`, checked as a whole, passed down."""

from corral.settings.model import SECRETS_DIR, Settings
from corral.settings.sources import Setting, names

__all__ = ["SECRETS_DIR", "Setting", "Settings", "names"]
