"""A gate at which a program waits: it goes on when the other end of a pipe is closed."""

import os


class Gate:
    """The pipe. Once it is open it stays open, also for later runs of the program."""

    def __init__(self) -> None:
        self.descriptor, self._holding = os.pipe()
        """`descriptor` is for the program, which reads from it until its end."""
        self._open = False

    def open(self) -> None:
        """Let the program go on."""
        if not self._open:
            os.close(self._holding)
            self._open = True

    def close(self) -> None:
        """Give both ends back."""
        self.open()
        os.close(self.descriptor)
