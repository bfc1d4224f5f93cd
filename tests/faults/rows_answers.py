"""Rows 65 to 70 and 76 to 81: answers that are framed wrong, wrong, endless, cut or late."""

import random
import signal
import subprocess

import faulty_actions as act
from rows import Case, SIZE, failed, on_layer, once, packed, packed_in, played, refused

TOO_LONG = "more than the"
QUICK = ("--stall-timeout", "2", "--retries", "1")
STALLED = "hardly a byte came for 2 s"


def head(lines, body=b"{body}"):
    """A good answer with header lines of our own making."""
    return act.raw(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n" + body)


def lengths(value):
    return head(b"Content-Length: " + value)


FRAMING = [
    # (input, what is done to the layer for ever, how that ends)
    ("length too small", act.wrong_length(header=-5), failed("bytes instead of", most=4)),
    ("length too large", act.wrong_length(header=7), packed_in(1)),
    ("no length, until it closes", act.unframed("close"), packed_in(1)),
    ("no length, chunked", act.unframed("chunked"), packed_in(1)),
    ("chunked and a wrong length", act.unframed("both"), packed_in(1)),
    ("two different lengths", act.two_lengths(), failed("{host}", "two different lengths", most=1)),
    ("the same length twice", act.two_lengths(0), packed_in(1)),
    ("two lengths in one line", lengths(b"{length}, 7"),
     failed("{host}", "two different lengths", most=1)),
    ("the same length twice in one line", lengths(b"{length}, {length}"), packed),
    ("a negative length", lengths(b"-1"),
     failed("{host}", "headers are no HTTP: Invalid Content-Length", most=1)),
    ("a length in words", lengths(b"many"),
     failed("{host}", "headers are no HTTP: Invalid Content-Length", most=1)),
    ("a length beyond 64 bits", lengths(b"99999999999999999999"),
     failed("{host}", "length is no number", most=1)),
    ("shorter than the descriptor says", act.wrong_length(body=-5),
     failed("bytes instead of", most=2)),
    ("longer than the descriptor says", act.wrong_length(body=5),
     failed(TOO_LONG, "bytes it should have", most=2)),
    ("a chunk size that is no number", head(b"Transfer-Encoding: chunked", b"zz\r\n{body}"),
     failed("{host}", most=3)),
    ("no HTTP at all", act.raw(b"220 mail.example ESMTP\r\n"),
     failed("{host}", most=3)),
]

FRAMING_ONCE = [
    ("length too small", act.wrong_length(header=-5)),
    ("shorter than the descriptor says", act.wrong_length(body=-5)),
    ("longer than the descriptor says", act.wrong_length(body=5)),
]

ROW65 = [Case(65, f"blob: {name}", on_layer(action), check) for name, action, check in FRAMING]
ROW65 += [Case(65, f"blob: {name}, once", once(action), packed) for name, action in FRAMING_ONCE]
ROW65 += [
    Case(65, "blob: the descriptor says a byte too many",
         lambda bench: bench.add(layers=[SIZE], size_lies={"layer": 1}) and None,
         failed("bytes instead of")),
    Case(65, "blob: the descriptor says a byte too few",
         lambda bench: bench.add(layers=[SIZE], size_lies={"layer": -1}) and None,
         failed(TOO_LONG)),
    Case(65, "manifest: length too small", played("manifest", act.wrong_length(header=-5)),
         refused("{host}")),
    Case(65, "manifest: length too large", played("manifest", act.wrong_length(header=7)),
         refused("{host}", "the connection broke")),
    Case(65, "manifest: no length, until it closes", played("manifest", act.unframed("close")),
         packed),
    Case(65, "manifest: two different lengths", played("manifest", act.two_lengths()),
         refused("{host}", "two different lengths")),
    Case(65, "everything chunked", played("", act.unframed()), packed),
]

ROW66 = [
    Case(66, "a bit of a blob flipped", on_layer(act.wrong_bytes()),
         failed("its content is sha256:", most=2)),
    Case(66, "a bit of a blob flipped, once", once(act.wrong_bytes()), packed),
    Case(66, "the first bit of a blob flipped, once", once(act.wrong_bytes(at=0)), packed),
    Case(66, "a bit of an uncompressed layer flipped",
         on_layer(act.wrong_bytes(), layer_kind="tar"), failed("its content is sha256:", most=2)),
    Case(66, "a bit of a config flipped", played("GET blob", act.wrong_bytes()),
         refused("blob {config}", "its content is sha256:")),
    Case(66, "a bit of a manifest flipped",
         played("manifest digest", act.wrong_bytes(), index=True),
         refused("asked for {manifest}", "sent sha256:")),
    Case(66, "a bit of a manifest flipped, once",
         played("manifest digest", act.wrong_bytes(), times=1, index=True), packed),
    Case(66, "a bit of a config flipped, once", played("GET blob", act.wrong_bytes(), times=1),
         packed),
]

ROW67 = [
    Case(67, "an endless blob, chunked", on_layer(act.endless()), failed(TOO_LONG, most=2)),
    Case(67, "an endless blob, until it closes", on_layer(act.endless(chunked=False)),
         failed(TOO_LONG, most=2)),
    Case(67, "an endless blob, until it closes, once", once(act.endless(chunked=False)), packed),
    Case(67, "an endless blob, once", once(act.endless()), packed),
    Case(67, "an endless manifest", played("manifest", act.endless()),
         refused("{host}", "more than 8.0 MiB")),
    Case(67, "an endless config", played("GET blob", act.endless()),
         refused("blob {config}", TOO_LONG)),
    Case(67, "an endless answer to /v2/", played("ping", act.endless()),
         refused("{host}", "more than 1.0 MiB")),
    Case(67, "an endless error", played("manifest", act.endless_error(404)),
         refused("{host} does not have it")),
    Case(67, "endless trailers", on_layer(act.endless_trailers()),
         failed("{host}", "more than 65536 bytes of headers", most=1)),
    Case(67, "an endless chunk extension",
         on_layer(act.endless_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
                                  b"a" * 1024)), failed("{host}"), options=QUICK),
]

ROW68 = [
    Case(68, "silent before the answer", on_layer(act.stall(after=None, seconds=30)),
         failed("{host}: no answer within 2 s", most=2), options=QUICK),
    Case(68, "headers a byte at a time", on_layer(act.slow_headers()),
         failed("{host}: no answer within 2 s", most=2), options=QUICK),
    Case(68, "silent in the middle of a blob", on_layer(act.stall(after=1000, seconds=30)),
         failed("{host}", STALLED, most=2), options=QUICK),
    Case(68, "a blob a byte at a time", on_layer(act.trickle(1, 0.05)),
         failed("{host}", STALLED, most=2), options=QUICK),
    Case(68, "silent in the middle of a blob, once", once(act.stall(after=1000, seconds=30)),
         packed_in(2), options=QUICK),
    Case(68, "silent in the middle of a manifest",
         played("manifest", act.stall(after=10, seconds=30)), refused("{host}", STALLED),
         options=QUICK),
    Case(68, "silent at /v2/", played("ping", act.stall(after=None, seconds=30)),
         refused("{host}: no answer within 2 s"), options=QUICK),
    Case(68, "a token server that is silent",
         played("token", act.stall(after=None, seconds=30), listener="token"),
         refused("token server", "no answer within 2 s"), options=QUICK, login="bearer"),
]

ROW69 = [
    Case(69, "endless header lines", on_layer(act.endless_headers()),
         failed("{host}", "more than 128 header lines", most=1)),
    Case(69, "a header line without end", on_layer(act.endless_headers(one_line=True)),
         failed("{host}", "endless header line", most=1)),
    Case(69, "10 000 header lines", on_layer(act.padded(lines=10_000)),
         failed("{host}", "more than 128 header lines", most=1)),
    Case(69, "a header of 1 MiB", on_layer(act.padded(size=1 << 20)),
         failed("{host}", "header", most=1)),
    Case(69, "a header of 80 KiB", on_layer(act.padded(size=80 << 10)),
         failed("{host}", "more than 65536 bytes of headers", most=1)),
    Case(69, "endless header lines of a manifest", played("manifest", act.endless_headers()),
         refused("{host}", "more than 128 header lines")),
    Case(69, "a header line without end, of a manifest",
         played("manifest", act.endless_headers(one_line=True)), refused("{host}", "header")),
    Case(69, "endless header lines at /v2/", played("ping", act.endless_headers()),
         refused("{host}", "more than 128 header lines")),
    Case(69, "a NUL in a header", on_layer(head(b"Content-Length: {length}\r\nX: a\0b")),
         failed("{host}", "headers are no HTTP: Nul byte", most=1)),
]

ROW70 = [
    Case(70, "100 Continue for ever", on_layer(act.endless_interim()),
         failed("{host}", "more than 16 interim answers", most=1)),
    Case(70, "103 Early Hints for ever, with headers",
         on_layer(act.endless_interim(103, b"Link: </x>; rel=preload\r\n")),
         failed("{host}", "more than 16 interim answers", most=1)),
    Case(70, "100 Continue for ever, for a manifest", played("manifest", act.endless_interim()),
         refused("{host}", "more than 16 interim answers")),
]

ROW76 = [
    Case(76, "403 to those without credentials", played("manifest", act.status(403)),
         refused("not found, or private", "no credentials for {host}", "--authfile")),
    Case(76, "401 to those without credentials",
         lambda bench: bench.add() and bench.server.require_basic("a", "b"),
         refused("not found, or private", "no credentials for {host}", "--authfile")),
    Case(76, "403 to those with credentials", played("manifest", act.status(403)),
         refused("{host} denies it to these credentials"), login="basic"),
    Case(76, "404 to those with credentials", played("manifest", act.status(404)),
         refused("{host} does not have it, or hides it from these credentials"), login="basic"),
    Case(76, "404 of an open registry", lambda bench: None,
         refused("{host} does not have it", "manifest unknown")),
    Case(76, "a blob that is gone", on_layer(act.status(404)),
         failed("{host} does not have it", most=1)),
    Case(76, "a blob that is forbidden", on_layer(act.status(403)),
         failed("{host}", "not found, or private", most=1)),
]


def in_ten_years(bench, options):
    """Runs it until it says how long it will wait, and has enough of it then."""
    args = [*bench.pack_args("app:1"), *options]
    child = bench.start(*args)
    notice = child.stderr.readline()
    child.send_signal(signal.SIGINT)
    out, rest = child.communicate(timeout=10)
    return subprocess.CompletedProcess(args, child.returncode, out, notice + rest)


def interrupted(bench, done):
    """It would have waited for five minutes, and no longer."""
    assert done.returncode == 130, done.stderr
    assert "answered 429; trying again in 300.0 s (1 of 2)" in done.stderr
    assert done.stderr.endswith("ferry: interrupted\n")
    assert bench.left() == []


def waited(least=0):
    """Packed, and no sooner."""
    def check(bench, done):
        packed(bench, done)
        assert least <= done.seconds, done.seconds
        assert "answered 429; trying again in" in done.stderr
    return check


def later(name, value, check=waited(), **more):
    return Case(77, f"429, Retry-After {name}", lambda bench: bench.add() and bench.server.fault(
        "manifest", act.too_many(value() if callable(value) else value)), check, **more)


ROW77 = [
    later("absent", None),
    later("1", "1", waited(1)),
    later("a date in two seconds", lambda: act.http_date(2), waited(0.5)),
    later("0", "0"),
    later("negative", "-1"),
    later("soon", "soon"),
    later("1e1", "1e1"),
    later("a date of 2015", "Wed, 21 Oct 2015 07:28:00 GMT"),
    later("ten years", str(10 * 365 * 86400), interrupted, run=in_ten_years),
    later("10^30", str(10 ** 30), interrupted, run=in_ten_years),
    later("a date in ten years", lambda: act.http_date(10 * 365 * 86400), interrupted,
          run=in_ten_years),
    Case(77, "429 for ever", on_layer(act.too_many(0)),
         failed("{host} limits how much it may be asked (429)", "TOOMANYREQUESTS", most=2),
         options=("--retries", "1")),
]

def packed_after_one_wait(bench, done):
    packed(bench, done)
    assert done.stderr.count("trying again in") == 1


ROW78 = [Case(78, f"{match} {code}, once", played(match, act.status(code), times=1),
              packed_after_one_wait)
         for match, code in [("manifest", 408), ("manifest", 425), ("manifest", 500),
                             ("manifest", 502), ("manifest", 503), ("manifest", 504),
                             ("GET blob", 503)]]
ROW78 += [
    Case(78, "ping 503, once", played("ping", act.status(503), times=1), packed),
    Case(78, "ping 429, once", played("ping", act.status(429), times=1), packed),
    Case(78, "token 503, once",
         played("token", act.status(503), times=1, listener="token"), packed, login="bearer"),
    Case(78, "a manifest's 503 for ever", played("manifest", act.status(503)),
         refused("{host} answered 503")),
    Case(78, "a blob's 503 for ever", on_layer(act.status(503)),
         failed("{host} answered 503", most=3)),
    Case(78, "503 to everything", played("", act.status(503)), refused("{host} answered 503")),
    Case(78, "599", on_layer(act.status(599)), failed("{host} answered 599", most=1)),
    Case(78, "304", on_layer(act.status(304)), failed("{host} answered 304", most=1)),
]


def random_cuts(seed, least, most):
    """Cuts at random places, and where the pieces have to begin."""
    dice = random.Random(seed)
    places, actions = [0], []
    for _ in range(4):
        size = dice.randrange(least, most)
        actions.append(act.cut(size))
        places.append(places[-1] + size)

    def check(bench, done):
        packed_in(len(places))(bench, done)
        layer = bench.images["app:1"].layers[0].digest
        ranges = [record.headers.get("range", "bytes=0-")
                  for record in bench.server.matching("GET blob", digest=layer)]
        assert ranges == [f"bytes={place}-" for place in places]
        assert done.stderr.count("the connection broke after") == len(actions)
    return once(*actions, size=8 << 20), check


HALF = act.cut(after=SIZE // 2)
CUTS = [
    # Each byte comes once: (input, faults, requests)
    ("reset in the middle", [HALF], 2),
    ("closed in the middle", [act.cut(after=SIZE // 2, how="fin")], 2),
    ("reset behind the headers", [act.cut(after=0)], 2),
    ("closed before an answer", [act.cut(after=None, how="fin")], 2),
    ("reset at the last byte", [act.cut(after=SIZE - 1)], 2),
    ("reset twice", [act.cut(after=1000), act.cut(after=1)], 3),
]
ROW79 = [Case(79, name, once(*actions), packed_in(requests)) for name, actions, requests in CUTS]
ROW79 += [Case(79, f"reset at four random places, {name} {seed}", *random_cuts(seed, *sizes),
               options=("--retries", "1"))
          for name, sizes in [("far apart", (1 << 20, 3 << 19)), ("close by", (5_000, 50_000))]
          for seed in (1, 2)]
ROW79 += [
    Case(79, "reset after 1000 bytes, for ever", on_layer(act.cut(after=1000)),
         failed("{host}", "the connection broke after 1.0 KiB", most=3)),
    # libcurl itself tries a kept connection that turns out closed once more.
    Case(79, "reset without an answer, for ever", on_layer(act.cut(after=None)),
         failed("{host}", "without an answer", most=4)),
    Case(79, "a manifest cut, once", played("manifest", act.cut(after=10), times=1), packed),
]


def asked_for_the_rest(bench, done):
    """The blob came whole and right, though its rest was asked for."""
    packed(bench, done)
    layer = bench.images["app:1"].layers[0].digest
    asked = bench.server.matching("GET blob", digest=layer)
    assert asked[1].headers["range"] == f"bytes={SIZE // 2}-"


RANGES = {
    "200 and everything": act.ignore_range(),
    "a range that begins later": act.wrong_range(start=10),
    "a range that begins earlier": act.wrong_range(start=-10, body=True),
    "a range that begins later, and its bytes": act.wrong_range(start=10, body=True),
    "a range of a larger whole": act.wrong_range(total=5),
    "416 with the right total": act.range_not_satisfiable(),
    "416 with a wrong total": act.range_not_satisfiable(total=7),
    "multipart/byteranges": act.multipart_range(),
    "206 without Content-Range": act.altered(
        "no Content-Range", lambda _, response: response.with_header("Content-Range", None),
        act.has_range),
}
ROW80 = [Case(80, name, once(HALF, action), asked_for_the_rest) for name, action in RANGES.items()]
ROW80 += [Case(80, "206 to a whole request", on_layer(act.status(206, body=b"x")),
               failed("{host} sent another range", most=1))]

ROW81 = [
    Case(81, "a blob that is gzipped on the way", on_layer(act.gzip_encoded()),
         failed(TOO_LONG, "bytes it should have", most=2)),
    Case(81, "a blob that is gzipped on the way, once", once(act.gzip_encoded()), packed),
    Case(81, "a blob that is called gzipped", on_layer(act.gzip_encoded(honest=False)),
         packed_in(1)),
    Case(81, "a manifest that is gzipped on the way", played("manifest", act.gzip_encoded()),
         refused("sha256:")),
    Case(81, "a manifest that is called gzipped",
         played("manifest", act.gzip_encoded(honest=False)), packed),
]

CASES = (ROW65 + ROW66 + ROW67 + ROW68 + ROW69 + ROW70 + ROW76 + ROW77 + ROW78 + ROW79 + ROW80
         + ROW81)
