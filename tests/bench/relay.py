"""A bad link on this machine: a TCP relay that is slow, far away, and breaks."""

import asyncio
import random
import socket
import struct
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "peers"))

from process import free_port  # noqa: E402  pylint: disable=wrong-import-position

QUANTUM = 16 << 10  # connections take turns on the link after so many bytes
BURST = 0.02  # seconds that the link may catch up when it was woken late
SOCKET_BUFFER = 64 << 10  # what waits in front of the link is not on it
# As TCP would: RFC 6928's first flight, doubled with every round trip.
FIRST_WINDOW = 14600
LAST_WINDOW = 4 << 20
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Link:
    """What is wrong with a link.

    rate           bits a second, each way, for all connections together
    round_trip     seconds; a connection's first byte takes two of them, as with TCP
    cut_every      so many bytes lie between two cuts, on average; each hits the connection
                   that is just sending, by a reset or by an end; 0: no cuts
    breaks         after so many bytes all connections are reset, and new ones refused,
    break_seconds  for so long
    seed           of the cuts
    """

    rate: float
    round_trip: float = 0
    cut_every: int = 0
    breaks: tuple = ()
    break_seconds: float = 0
    seed: int = 0


class Way:
    """One direction of the link, which all connections share.

    taken      bytes that it took from their sender
    carried    of these, what has been through; the line was busy with them
    delivered  of these, what was handed to the receiver: a cut loses what is under way
    """

    def __init__(self, rate):
        self._rate = rate / 8
        self._free = 0
        self.taken = self.carried = self.delivered = 0

    async def carry(self, size):
        """Come back when the line has been through with so many bytes."""
        self.taken += size
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now - BURST) + size / self._rate
        await asyncio.sleep(self._free - now)
        self.carried += size


class Window:
    """How much a sender may have under way, unacknowledged: it grows as TCP's does."""

    def __init__(self):
        self._size, self._used = FIRST_WINDOW, 0
        self._room = asyncio.Event()

    async def wait(self):
        """The bytes that may be sent now, at least one."""
        while self._used >= self._size:
            self._room.clear()
            await self._room.wait()
        return self._size - self._used

    def send(self, size):
        """So many are under way."""
        self._used += size

    def acknowledge(self, size):
        """So many have arrived, and the sender knows it."""
        self._used -= size
        self._size = min(self._size + size, LAST_WINDOW)
        self._room.set()


class Connection:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, relay, client):
        self._relay, self._client = relay, client
        self._server = socket.socket()
        self.task = None

    async def run(self):
        """Carry bytes until both sides have ended, one failed, or cut() was called."""
        loop = asyncio.get_running_loop()
        self.task = asyncio.current_task()
        self._relay.alive.add(self)
        try:
            for side in (self._client, self._server):
                side.setblocking(False)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
            await loop.sock_connect(self._server, self._relay.server)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._up())
                group.create_task(self._pump(self._server, self._client, self._relay.down))
        except* (asyncio.CancelledError, OSError):
            pass
        finally:
            self._relay.alive.discard(self)
            self._client.close()
            self._server.close()

    def cut(self, reset):
        """Break it: the client sees a reset, or an end where none was due."""
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        if reset:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.task.cancel()

    async def _up(self):
        # The kernel has shaken hands by now; over the link that takes a round trip.
        await asyncio.sleep(self._relay.link.round_trip)
        await self._pump(self._client, self._server, self._relay.up)

    async def _pump(self, source, sink, way):
        """Carry one direction, up to its end."""
        loop = asyncio.get_running_loop()
        window, under_way = Window(), asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(under_way, sink, way, window))
            data = b"any"
            while data:
                data = await loop.sock_recv(source, min(await window.wait(), QUANTUM))
                window.send(len(data))
                await way.carry(len(data))
                under_way.put_nowait((loop.time() + self._relay.link.round_trip / 2, data))
                self._relay.carried(self)

    async def _deliver(self, under_way, sink, way, window):
        loop = asyncio.get_running_loop()
        data = b"any"
        while data:
            due, data = await under_way.get()
            await asyncio.sleep(due - loop.time())
            await loop.sock_sendall(sink, data)
            way.delivered += len(data)
            loop.call_later(self._relay.link.round_trip / 2, window.acknowledge, len(data))
        sink.shutdown(socket.SHUT_WR)


class Relay:
    """Listens on a loopback port and carries what comes there to HOST:PORT and back.

    up, down        the link's two ways, and what went over them
    connections     how many there have been; refused ones nobody counts
    cuts, breaks    how often one, and how often all of them were cut
    """

    def __init__(self, address, link):
        host, _, port = address.rpartition(":")
        self.server = (host, int(port))
        self.link = link
        self.port = free_port()
        self.up, self.down = Way(link.rate), Way(link.rate)
        self.connections = self.cuts = self.breaks = 0
        self._dice = random.Random(link.seed)
        self._next_cut = self._throw()
        self.alive = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._listening = threading.Event()

    def __enter__(self):
        self._thread.start()
        if not self._listening.wait(10):
            raise OSError(f"no relay on port {self.port}")
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def address(self):
        """HOST:PORT for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def wire(self):
        """The bytes that the line was busy with, both ways, delivered or lost."""
        return self.up.carried + self.down.carried

    def carried(self, connection):
        """Called when a connection has sent: time to cut it, or all of them?"""
        if self._next_cut and self.wire >= self._next_cut:
            self._next_cut += self._throw()
            self.cuts += 1
            connection.cut(reset=self._dice.random() < 0.5)
        if self.breaks < len(self.link.breaks) and self.wire >= self.link.breaks[self.breaks]:
            self.breaks += 1
            self._break()

    def _throw(self):
        """The bytes up to the next cut; exponential, as of things that have no memory."""
        every = self.link.cut_every
        return self._dice.expovariate(1 / every) if every else 0

    def _break(self):
        """Be dead for a while."""
        # The port stays ours, unlike that of a closed socket; haproxy pauses like this.
        self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self.alive:
            connection.cut(reset=True)
        self._loop.call_later(self.link.break_seconds, self._listen)

    def _listen(self):
        self._listener.listen(128)
        self._open.set()

    async def _main(self):
        self._loop = asyncio.get_running_loop()
        self._stop, self._open = asyncio.Event(), asyncio.Event()
        with socket.socket() as self._listener:
            self._listener.setblocking(False)
            # What we accept inherits it.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self.port))
            self._listen()
            self._listening.set()
            accepting = asyncio.create_task(self._accept())
            await self._stop.wait()
            accepting.cancel()
            for connection in self.alive:
                connection.cut(reset=True)
            await asyncio.gather(accepting, *(connection.task for connection in self.alive),
                                 return_exceptions=True)

    async def _accept(self):
        while True:
            await self._open.wait()
            try:
                client, _ = await self._loop.sock_accept(self._listener)
            except OSError:  # in a break
                self._open.clear()
                continue
            self.connections += 1
            asyncio.create_task(Connection(self, client).run())
