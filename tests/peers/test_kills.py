"""What a kill costs: a pack over a link of a known rate, killed five times.

Run with -s to see the numbers.
"""

import random
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

# pylint: disable=wrong-import-position
from faulty import FaultyRegistry
from faulty_images import Layer, digest_of
from mishaps import Bench, assert_done, file_digest
from relay import Link, Relay

RATE = 50e6                 # bits a second: all takes ten seconds
LAYERS = [22 << 20, 14 << 20, 9 << 20, 6 << 20, 4 << 20, 2 << 20, 1 << 20, 300_000]
KILLS = 5
TWICE = 0.05                # of all bytes


def layer(number, size):
    """Bytes that only look like a layer: nobody looks inside."""
    data = random.Random(number).randbytes(size)
    return Layer(digest_of(data), size, digest_of(data), "gzip", data)


@pytest.fixture(name="far")
def far_fixture(tmp_path):
    """A registry behind a slow link; the bench speaks to the link."""
    with FaultyRegistry(seed="kills") as server:
        bench = Bench(server, tmp_path)
        bench.add("app:1", layers=[layer(*pair) for pair in enumerate(LAYERS)])
        with Relay(server.host, Link(rate=RATE, round_trip=0.02)) as relay:
            bench.relay = relay
            yield bench
        bench.end()


def arguments(far):
    return ["pack", "-o", far.bundle, f"{far.relay.address}/app:1"]


def test_five_kills(far):
    """Less than a twentieth comes more than once, and nobody can tell from the bundle."""
    assert_done(far.run(*arguments(far)))
    undisturbed, once = file_digest(far.bundle), far.relay.down.carried
    far.bundle.unlink()
    dice = random.Random(5)
    for kill in range(KILLS):
        child = far.start(*arguments(far))
        due = once + sum(LAYERS) * (kill + dice.uniform(0.3, 0.9)) / (KILLS + 0.5)
        while far.relay.down.carried < due:
            assert child.poll() is None, "it was over too soon"
            time.sleep(0.002)
        child.kill()
        child.communicate()
    assert_done(far.run(*arguments(far)))
    again = far.relay.down.carried - 2 * once
    share = again / once
    print(f"\n{once} bytes at once; killed {KILLS} times, {again} more: {share:.2%} twice")
    assert file_digest(far.bundle) == undisturbed
    assert far.left() == [far.bundle.name]
    assert 0 < share < TWICE
