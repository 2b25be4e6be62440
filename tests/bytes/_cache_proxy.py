"""A TCP proxy that spoils what a cache server answers: silent, late, drop by drop, cut, garbage."""

from __future__ import annotations

import contextlib
import socket
import threading
import time


class Proxy:
    """Pass bytes on, and spoil what comes back as `fault` says; change it at any time.

    none; silent (nothing comes back), late (after `seconds`), drip (a byte every 20 ms, without end), cut (half, then
    the end), garbage (other bytes), flipped (one bit of each piece is another), closed (the end at once).
    """

    def __init__(self, port: int) -> None:
        self.fault, self.seconds = "none", 0.5
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        self._threads = [self._begin(self._accept)]

    def close(self) -> None:
        """End all connections."""
        self.fault = "over"
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _begin(self, work, *given) -> threading.Thread:
        thread = threading.Thread(target=work, args=given, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while self.fault != "over":
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                self._threads += [self._begin(self._pump, near, far, False), self._begin(self._pump, far, near, True)]

    def _pump(self, one: socket.socket, other: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                fault = self.fault if answers else "none"
                if fault == "silent":
                    continue
                if fault == "late":
                    time.sleep(self.seconds)
                if fault == "drip":
                    other.sendall(b"$9000000\r\n")
                    while self.fault == "drip":
                        other.sendall(b"x")
                        time.sleep(0.02)
                    break
                if fault == "cut":
                    other.sendall(data[: len(data) // 2])
                    break
                if fault == "closed":
                    break
                if fault == "garbage":
                    data = bytes(255 - byte for byte in data)
                if fault == "flipped":
                    middle = len(data) // 2
                    data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
                other.sendall(data)
        for sock in (one, other):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
