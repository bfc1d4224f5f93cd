"""A server of a few lines: a thread for each connection, gone with its block."""

import socket
import threading


class Server:
    """Listens on 127.0.0.1 between __enter__ and __exit__; serve(client) is the subclass's."""

    def __enter__(self):
        self.stopping = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)     # wakes accept()
        finally:
            self.socket.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()
