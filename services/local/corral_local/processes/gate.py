"""A pipe by which a started program is made to wait: the program continues when the other end is closed."""

import os


class Gate:
    """Holds a program back until `open` is called. Later runs of the program do not wait."""

    def __init__(self) -> None:
        self.descriptor, self._holding = os.pipe()
        """The program gets `descriptor` and reads from it until it ends."""
        self._open = False

    def open(self) -> None:
        """Let the program continue."""
        if not self._open:
            os.close(self._holding)
            self._open = True

    def close(self) -> None:
        """Close both ends."""
        self.open()
        os.close(self.descriptor)
