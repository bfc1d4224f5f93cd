"""Rows 89, 90, 92 and 93: TLS, names and addresses, proxies, HTTP/2.

The registry is called registry.test, in a world of its own where the machine
knows the name: a mount namespace with another /etc/hosts.
"""

import contextlib
import functools
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import warnings
from pathlib import Path

import faulty_h2 as h2
from faulty_proxy import FaultyProxy
from rows import SIZE, Case, failed, made, packed, packed_in, refused

NAME = "registry.test"
HERE = {NAME: ["127.0.0.1"]}
FAR = "127.0.0.200"     # which resolvers put behind the others

# Certificates

LOCK = threading.Lock()
NAMES = f"subjectAltName=DNS:{NAME},IP:127.0.0.1"
SIGNED = {
    # name: (days that it is good for, the names in it)
    "good": (30, NAMES),
    "expired": (-1, NAMES),
    "of another name": (30, "subjectAltName=DNS:other.test"),
}


@functools.lru_cache(maxsize=None)
def workshop():
    """A folder with an authority in it, for as long as the tests run."""
    folder = tempfile.TemporaryDirectory(prefix="ferry-rows-")  # pylint: disable=R1732
    request(folder.name, "ca.pem", "-x509", "-days", "30", "-subj", "/CN=authority of the tests")
    request(folder.name, "stranger.pem", "-x509", "-days", "30", "-addext", NAMES, "-subj",
            f"/CN={NAME}")
    return folder


def request(folder, name, *args):
    """A key, and what is asked for it: a certificate, or a request for one."""
    key = name.partition(".")[0] + ".key"
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", name, *args)


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


@functools.lru_cache(maxsize=None)
def make_certificate(name):
    """(certificate, key) of a server; "self-signed" is of no authority at all."""
    folder = workshop().name
    if name == "self-signed":
        return f"{folder}/stranger.pem", f"{folder}/stranger.key"
    place = name.replace(" ", "-")
    days, names = SIGNED[name]
    request(folder, place + ".csr", "-subj", f"/CN={NAME}", "-addext", names)
    openssl(folder, "x509", "-req", "-in", place + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-days", str(days), "-copy_extensions", "copy", "-out", place + ".pem")
    return f"{folder}/{place}.pem", f"{folder}/{place}.key"


def certificate(name):
    """The same, whoever else wants it now."""
    with LOCK:
        return make_certificate(name)


def context(name="good", newest=None):
    """What a server speaks TLS with."""
    made_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made_context.load_cert_chain(*certificate(name))
    if newest:
        made_context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # of versions that nobody should use
            made_context.minimum_version = made_context.maximum_version = newest
    return made_context


def unknown_name(_socket, name, _context):
    """What a server says that has no certificate for the name it is asked for."""
    return None if name == "other.test" else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def strict_context():
    made_context = context()
    made_context.sni_callback = unknown_name
    return made_context


CONTEXTS = {
    "good": context,
    "plain storage": lambda: {"registry": context(), "token": context()},
    "expired": lambda: context("expired"),
    "of another name": lambda: context("of another name"),
    "self-signed": lambda: context("self-signed"),
    "of another authority": context,
    "only for another name": strict_context,
    "TLS 1.0": lambda: context(newest=ssl.TLSVersion.TLSv1),
    "TLS 1.1": lambda: context(newest=ssl.TLSVersion.TLSv1_1),
    "TLS 1.2": lambda: context(newest=ssl.TLSVersion.TLSv1_2),
}


def server_settings(case):
    """What a FaultyRegistry has to be made with for a case."""
    settings = {"name": NAME} if case.places else {}
    if FAR in case.places.get(NAME, []):
        settings["address"] = FAR
    if case.tls:
        settings["tls"] = CONTEXTS[case.tls]()
    return settings


def options(case):
    """What ferry has to be told of it."""
    if not case.tls:
        return []
    stranger, _ = certificate("self-signed")
    ours = str(Path(stranger).with_name("ca.pem"))
    return ["--ca", stranger if case.tls == "of another authority" else ours]


def knowing(folder, places):
    """The command line that runs a program where these names are known."""
    if not places:
        return []
    hosts = Path(folder) / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, addresses in places.items()
                             for address in addresses))
    return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]


class Renegotiating:
    """openssl's own server, which wants another handshake ever again, and answers nothing."""

    def __init__(self):
        pair = certificate("good")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.host = f"{NAME}:{port}"
        self.process = subprocess.Popen(    # pylint: disable=consider-using-with
            ["openssl", "s_server", "-tls1_2", "-accept", f"127.0.0.1:{port}", "-cert", pair[0],
             "-key", pair[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self._read_until(b"ACCEPT")
        threading.Thread(target=self._ask, daemon=True).start()

    def _read_until(self, begin):
        while not self.process.stdout.readline().startswith(begin) and self.process.poll() is None:
            pass

    def _ask(self):
        self._read_until(b"GET ")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        with contextlib.suppress(OSError, ValueError):
            while self.process.poll() is None:
                self.process.stdin.write(b"r\n")
                self.process.stdin.flush()
                time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait()


def renegotiating(bench, extra):
    bench.server.front = Renegotiating()
    bench.stack.callback(bench.server.front.close)
    return bench.pack("app:1", options=[*extra, *options(Case(89, "", None, None, tls="good"))])


UNTRUSTED = "its TLS certificate is not trusted"
ROW89 = [
    Case(89, "a good certificate", made(), packed, tls="good", places=HERE),
    Case(89, "expired", made(), refused("{host}: " + UNTRUSTED, "expired", "clock right?"),
         tls="expired", places=HERE),
    Case(89, "for another name", made(),
         refused("{host}: its TLS certificate is for another name"), tls="of another name",
         places=HERE),
    Case(89, "self-signed", made(), refused("{host}: " + UNTRUSTED, "self-signed", "--ca FILE"),
         tls="self-signed", places=HERE),
    Case(89, "of another authority", made(), refused("{host}: " + UNTRUSTED, "--ca FILE"),
         tls="of another authority", places=HERE),
    Case(89, "a server that knows no such name", made(), refused("{host}: no TLS connection"),
         tls="only for another name", places=HERE),
    Case(89, "TLS 1.0 only", made(), refused("{host}: no TLS connection", "version"), tls="TLS 1.0",
         places=HERE),
    Case(89, "TLS 1.1 only", made(), refused("{host}: no TLS connection", "version"), tls="TLS 1.1",
         places=HERE),
    Case(89, "TLS 1.2 only", made(), packed, tls="TLS 1.2", places=HERE),
    Case(89, "renegotiation for ever", made(), refused("{host}: no answer within 2 s"),
         places=HERE, run=renegotiating, options=("--stall-timeout", "2", "--retries", "0")),
    Case(89, "no TLS at all", made(), refused("{host}: it speaks no TLS", "--plain-http {host}"),
         places=HERE),
]

# Addresses


class Hole:
    """An address where connections are neither taken nor refused: its queue is full."""

    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sockets = [socket.create_server((address, port), family=family, backlog=0)]
        place = self.sockets[0].getsockname()
        for _ in range(4):
            filler = socket.socket(family)
            filler.setblocking(False)
            filler.connect_ex(place)
            self.sockets.append(filler)

    def close(self):
        for sock in self.sockets:
            sock.close()


def dead_first(*addresses):
    """Packs with nobody at these addresses of the registry, which is at another."""
    def run(bench, extra):
        with contextlib.ExitStack() as stack:
            for address in addresses:
                with contextlib.suppress(OSError):      # a machine without IPv6
                    stack.callback(Hole(address, bench.server.port).close)
            return bench.pack("app:1", options=extra)
    return run


DEAD = [f"127.0.0.{n}" for n in range(2, 7)]
ROW90 = [
    Case(90, "five addresses, all of them dead", made(),
         refused("{host}: no connection in 1 s", "right host", "proxy"),
         options=("--connect-timeout", "1", "--retries", "0"), tls="good", places={NAME: DEAD},
         run=dead_first(*DEAD)),
    Case(90, "a dead address before the good one", made(), packed,
         options=("--connect-timeout", "4", "--jobs", "1"), tls="good",
         places={NAME: [DEAD[0], FAR]}, run=dead_first(DEAD[0])),
    Case(90, "an address that refuses before the good one", made(), packed, tls="good",
         places={NAME: ["127.0.0.9", FAR]}),
    Case(90, "IPv6 that leads nowhere before IPv4", made(), packed, tls="good",
         options=("--connect-timeout", "4"), places={NAME: ["::1", "127.0.0.1"]},
         run=dead_first("::1")),
    Case(90, "a name without an address", made(), refused("{host}: this name has no address",
                                                          "spelling"), tls="good",
         places={"other.test": ["127.0.0.1"], NAME: []}),
    Case(90, "a closed port", lambda bench: bench.server.die(),
         refused("{host}: no connection: Connection refused")),
]


# Proxies

def through(how, variable="https_proxy", more=None):
    """Packs through a proxy that behaves like this."""
    def run(bench, extra):
        with FaultyProxy(bench.server.port, how) as proxy:
            env = {variable: proxy.url, **(more or {})}
            done = bench.pack("app:1", options=extra, env=env)
            bench.others += proxy.heads
            bench.proxy = proxy
            return done
    return run


def by_connect(bench, done):
    """It worked, and the proxy saw nothing but where it went."""
    packed(bench, done)
    assert bench.proxy.heads
    for head in bench.proxy.heads:
        assert head.startswith(f"CONNECT {NAME}:"), head


def past_the_proxy(bench, done):
    packed(bench, done)
    assert bench.proxy.heads == []


def proxied(name, how, check, **more):
    settings = {"tls": "good", "places": {NAME: []}, "login": "basic", **more}
    run = settings.pop("run", None) or through(how)
    return Case(92, name, made(), check, run=run, **settings)


REFUSING = "{host}: the proxy refused to connect: HTTP "
ROW92 = [
    proxied("https_proxy, with credentials of the registry", "tunnel", by_connect),
    proxied("https_proxy, with a token", "tunnel", by_connect, login="bearer"),
    proxied("the proxy wants credentials (407)", 407,
            refused(REFUSING + "407", "USER:PASSWORD@HOST:PORT")),
    proxied("the proxy forbids it (403)", 403, refused(REFUSING + "403")),
    proxied("the proxy cannot reach it (502)", 502, refused(REFUSING + "502")),
    proxied("the proxy speaks no HTTP", "garbage",
            refused("{host}: the proxy hung up, or is none")),
    proxied("the proxy hangs up", "close", refused("{host}: the proxy hung up, or is none")),
    proxied("the proxy never answers", "silent", refused("{host}: no connection in 1 s"),
            options=("--connect-timeout", "1", "--retries", "0")),
    proxied("no proxy there", None, refused("{host}: the proxy cannot be reached", "https_proxy"),
            run=lambda bench, extra: bench.pack("app:1", options=extra, env={
                "https_proxy": "http://127.0.0.1:1"})),
    Case(92, "http_proxy, and a registry without TLS", made(), past_the_proxy, login="basic",
         places=HERE, options=("--plain-http", NAME), run=through("tunnel", "http_proxy")),
    proxied("no_proxy names the registry", None, past_the_proxy, places=HERE,
            run=through("tunnel", more={"no_proxy": NAME})),
    proxied("a registry on this machine", None, past_the_proxy, tls="", places={},
            run=through("tunnel", "http_proxy")),
]

# HTTP/2

def over_http2(*faults, for_ever=False):
    """Packs through HTTP/2; layers suffer these faults one after the other."""
    def run(bench, extra):
        bench.gateway = bench.stack.enter_context(h2.H2Gateway(
            context(), bench.server.port, NAME, faults, for_ever))
        bench.server.front = bench.gateway
        return bench.pack("app:1", options=[*extra, *options(Case(93, "", None, None, tls="good"))])
    return run


def gone_on(check):
    """The fault was met; what came before it was not asked for again."""
    def checked(bench, done):
        check(bench, done)
        assert bench.gateway.played
        asked = bench.server.matching("GET blob", digest=bench.images["app:1"].layers[0].digest)
        assert all("range" in record.headers for record in asked[1:])
    return checked


def http2(name, fault, check, for_ever=False, **more):
    faults = [fault] if fault else []
    return Case(93, name, made(layers=[SIZE]), check, places=HERE,
                run=over_http2(*faults, for_ever=for_ever), **more)


QUICK = ("--stall-timeout", "2", "--retries", "1")
BROKEN_OR_SILENT = "registry.example: the connection broke, or no answer within 2 s"
INTERNAL_ERROR, REFUSED_STREAM, CALM = 2, 7, 11
ROW93 = [
    http2("all is well", None, packed_in(1)),
    http2("GOAWAY in the middle of a blob, which still comes", h2.goaway(allowed=True),
          packed_in(1)),
    http2("GOAWAY in the middle of a blob, once", h2.goaway(), gone_on(packed)),
    http2("GOAWAY (calm down) in the middle of a blob, once", h2.goaway(CALM), gone_on(packed)),
    http2("GOAWAY in the middle of a blob, for ever", h2.goaway(after=1000),
          failed("{host}", most=8), True,
          options=("--retries", "1")),
    http2("RST_STREAM in the middle of a blob, once", h2.reset_stream(INTERNAL_ERROR),
          gone_on(packed)),
    http2("RST_STREAM in the middle of a blob, for ever",
          h2.reset_stream(INTERNAL_ERROR, after=1000), failed("{host}", most=8), True),
    http2("REFUSED_STREAM instead of an answer, once", h2.reset_stream(REFUSED_STREAM, None),
          packed),
    http2("REFUSED_STREAM instead of an answer, for ever", h2.reset_stream(REFUSED_STREAM, None),
          failed("{host}"), True),
    http2("cut in the middle of a blob, once", h2.cut(), gone_on(packed)),
    http2("more than the length that was told, once", h2.longer(), packed),
    http2("less than the length that was told, once", h2.shorter(), packed),
    http2("10 000 header lines", h2.crowded(10_000), failed("{host}"), True),
    http2("129 header lines", h2.crowded(129), failed("{host}", "more than 128 header lines"),
          True),
    http2("PING without end", h2.flood(h2.PING, payload=bytes(8)), failed("{host}"), True,
          options=QUICK, page=BROKEN_OR_SILENT),
    http2("SETTINGS without end", h2.flood(h2.SETTINGS), failed("{host}"), True, options=QUICK,
          page=BROKEN_OR_SILENT),
    http2("CONTINUATION without end", h2.flood(
        h2.CONTINUATION, payload=h2.header_block([("x-pad", "a" * 100)]), on_stream=True,
        first=(h2.HEADERS, 0)), failed("{host}"), True, options=QUICK, page=BROKEN_OR_SILENT),
    http2("empty DATA without end", h2.flood(h2.DATA, on_stream=True), failed("{host}"), True,
          options=QUICK, page=BROKEN_OR_SILENT),
    http2("no frames", h2.garbage(), failed("{host}"), True, options=("--retries", "1")),
]

CASES = ROW89 + ROW90 + ROW92 + ROW93
