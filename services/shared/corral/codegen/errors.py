"""What keeps code from being generated."""

from corral.errors import CorralError


class OutputInUse(CorralError):
    """A file stands where one would be generated, and was not generated."""


class TemplateFault(CorralError):
    """A template can't be read or used; the message names its file and line."""
