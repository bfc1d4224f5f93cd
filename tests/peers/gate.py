"""A TCP proxy that lets so many requests of a kind through, and then nothing more."""

import socket
import threading


class Gate:
    """Carries what comes to a loopback port to HOST:PORT and back.

    Before the request that begins with `stop` for the (after + 1)th time it closes: of that
    one not a byte arrives, and whoever sent it waits. It opens again with open().
    """

    def __init__(self, address, stop, after):
        host, _, port = address.rpartition(":")
        self._server = (host, int(port))
        self._stop, self._left = stop, after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.shut = threading.Event()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def open(self):
        """Let everything through from now on."""
        self._left = 1 << 30

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for source, sink, watched in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._carry, args=(source, sink, watched),
                                 daemon=True).start()

    def _passes(self, data):
        self._left -= data.startswith(self._stop)
        return self._left >= 0

    def _carry(self, source, sink, watched):
        try:
            while data := source.recv(1 << 16):
                if watched and not self._passes(data):
                    self.shut.set()
                    while source.recv(1 << 16):
                        pass
                    break
                sink.sendall(data)
        except OSError:
            pass
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
