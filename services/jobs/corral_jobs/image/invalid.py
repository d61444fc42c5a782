"""Why a picture can't be processed."""

from corral.errors import CorralError


class InvalidImage(CorralError):
    """The picture, or what is asked of it, is at fault: another try would fail again. The text says what is wrong."""
