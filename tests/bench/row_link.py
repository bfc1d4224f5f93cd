"""A bad link: thin, far, and cut ever again; with a part of the tests' small stack.

A link's time and bytes hardly depend on the machine, and the corpus would take it an hour.
"""

from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from itertools import count

import stack
from measure import BenchError, Contender, Goal, Row, Sample
from relay import Link, Relay

RATE, ROUND_TRIP = 20e6, 0.08
BREAKS, BREAK_SECONDS = 3, 3
CUT_EVERY = 8_000_000
RUNS = 3
IMAGES = ("api-gateway:latest", "grafana/loki:latest", "grafana/tempo:latest", "redis:7-alpine",
          "webapp:latest")
SKOPEO, ONCE = "skopeo copy, repeated", "each byte once (reckoned)"
# What users do when a command gave up: the same again, and what is there is not moved twice.
AGAIN = """
    again() { for _ in {1..50}; do "$@" && return; sleep 1; done; return 1; }
    """
# $1 HOST:PORT of the relay, $2 a folder, then the images' names.
SKOPEO_PULL = AGAIN + """
    relay=$1; folder=$2; shift 2
    for name; do
        again skopeo --insecure-policy --override-os linux --override-arch amd64 copy --quiet \\
            --retry-times 10 --src-tls-verify=false "docker://$relay/$name" "oci:$folder:$name"
    done
    """
SKOPEO_PUSH = AGAIN + """
    relay=$1; folder=$2; shift 2
    for name; do
        again skopeo --insecure-policy copy --quiet --retry-times 10 \\
            --dest-tls-verify=false "oci:$folder:$name" "docker://$relay/$name"
    done
    """


def rows(world):
    """ferry pack and ferry load over it, each against the same with skopeo.

    There is no goal for the bytes of a load: docker-registry 2.8 refuses to go on with an
    upload that broke, so whoever sends a layer sends it again from its beginning.
    """
    link = BadLink(world)
    title = (f"{len(IMAGES)} images of the small stack over {RATE / 1e6:.0f} Mbit/s, "
             f"{ROUND_TRIP * 1000:.0f} ms, a connection cut every {CUT_EVERY / 1e6:.0f} MB, "
             f"all of them {BREAKS} times for {BREAK_SECONDS} s: ")
    yield Row("link-pack", title + "pack", (
        Contender("ferry pack", partial(link.over, link.source, link.ferry_pack)),
        Contender(SKOPEO, partial(link.over, link.source, link.skopeo_pull)),
        Contender(ONCE, link.once),
    ), (Goal("wire", 1.05, ONCE), Goal("seconds", 1, SKOPEO)), RUNS)
    yield Row("link-load", title + "load", (
        Contender("ferry load", partial(link.over, link.target, link.ferry_load)),
        Contender(SKOPEO, partial(link.over, link.target, link.skopeo_push)),
        Contender(ONCE, link.once),
    ), (Goal("seconds", 1, SKOPEO),), RUNS)


class BadLink:
    """What runs over the link, and what lies at its ends."""

    def __init__(self, world):
        self._world = world
        self._seeds = {}

    def over(self, end, command):
        """One run of a command over the link to a registry; its bytes are all that went in.

        The contenders' nth runs suffer the same: the breaks come after quarters of the
        bundle, the cuts as the nth seed has it.
        """
        seed = next(self._seeds.setdefault(command, count()))
        size = self.bundle.stat().st_size
        link = Link(RATE, ROUND_TRIP, CUT_EVERY,
                    tuple(size * n // (BREAKS + 1) for n in range(1, BREAKS + 1)),
                    BREAK_SECONDS, seed)
        with end() as registry, Relay(registry.address, link) as relay:
            sample = command(relay.address)
        if relay.breaks != BREAKS or relay.wire < size * 0.9:
            raise BenchError(f"{relay.wire} bytes and {relay.breaks} breaks: that was not all")
        return replace(sample, wire=relay.wire)

    def once(self):
        """The least that is possible, by nobody: the bundle's bytes, and the breaks."""
        size = self.bundle.stat().st_size
        return Sample(size * 8 / RATE + BREAKS * BREAK_SECONDS, wire=size)

    def ferry_pack(self, relay):
        """The same command until it works."""
        with self._world.scratch() as folder:
            return self._world.shell(AGAIN + 'again "$@"', self._world.ferry, "pack", *named(relay),
                                     "-o", folder / "release.tar.zst")

    def skopeo_pull(self, relay):
        """Into one folder, which shares blobs."""
        with self._world.scratch() as folder:
            return self._world.shell(SKOPEO_PULL, relay, folder / "release", *IMAGES)

    def ferry_load(self, relay):
        """The same command until it works."""
        return self._world.shell(AGAIN + 'again "$@"', self._world.ferry, "load", self.bundle,
                                 "--to", relay, "--any-host")

    def skopeo_push(self, relay):
        """Out of the folder."""
        return self._world.shell(SKOPEO_PUSH, relay, self._layout, *IMAGES)

    @contextmanager
    def source(self):
        """The registry that has the images."""
        yield self._filled

    @contextmanager
    def target(self):
        """A registry that has nothing."""
        with self._world.fresh_registry() as registry:
            yield registry

    @cached_property
    def bundle(self):
        """The images, packed without the link."""
        path = self._world.folder / "link.tar.zst"
        self._world.prepare(self._world.ferry, "pack", *named(self._filled.address), "-o", path,
                            "--quiet")
        return path

    @cached_property
    def _filled(self):
        registry = self._world.keep(self._world.fresh_registry())
        stack.build(stack.DEFAULT_CACHE)
        stack.push(stack.DEFAULT_CACHE, registry.address, IMAGES)
        return registry

    @cached_property
    def _layout(self):
        folder = self._world.folder / "link"
        self._world.prepare("bash", "-euc", SKOPEO_PULL, "bench", self._filled.address, folder,
                            *IMAGES)
        return folder


def named(address):
    """What the images are called in a registry."""
    return [f"{address}/{name}" for name in IMAGES]
