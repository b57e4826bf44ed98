"""A way to Redis that can lose the answer to a command."""

import socket
import threading
from pathlib import Path


class Cutting:
    """Passes commands on from a loopback port; once it is told to, it cuts the connection instead of an answer."""

    def __init__(self, redis_socket: Path) -> None:
        self._redis_socket = redis_socket
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lost = b""
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_answer_to(self, command: bytes) -> None:
        """Loses the next answer to a command of this name."""
        self._lost = command

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as redis:
            redis.connect(str(self._redis_socket))
            while command := client.recv(65_536):
                redis.sendall(command)
                answer = redis.recv(65_536)
                if self._lost and self._lost in command:
                    self._lost = b""
                    return
                client.sendall(answer)
