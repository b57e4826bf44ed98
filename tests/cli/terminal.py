"""A terminal for commands: what a person sees, and what a person types."""

import fcntl
import os
import pty
import re
import struct
import termios
import threading

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A terminal, and all that was written to it."""

    def __init__(self, columns: int = 80) -> None:
        self._master, self.end = pty.openpty()
        self.resize(columns)
        self._written = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int) -> None:
        """Give it another width; 0: it does not say its size."""
        rows = 40 if columns else 0
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        try:
            while part := os.read(self._master, 4096):
                self._written += part
        except OSError:
            return

    def type(self, text: str) -> None:
        """Write what a person types."""
        os.write(self._master, text.encode())

    def close(self) -> None:
        """Wait until everything is read."""
        os.close(self.end)
        self._reader.join(5)
        os.close(self._master)

    @property
    def text(self) -> str:
        """Return what was written, without colours and moves."""
        return ESCAPES.sub("", self.raw).replace("\r\n", "\n")

    @property
    def raw(self) -> str:
        """Return all that was written."""
        return self._written.decode(errors="replace")
