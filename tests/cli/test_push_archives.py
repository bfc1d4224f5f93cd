"""Archives whose blobs come out of one stream, pushed several at a time."""

import gzip
import hashlib

import archives
import faulty_actions as act
from mishaps import assert_done
from mishaps import bench_fixture  # noqa: F401

MANY, JOBS = 40, 32


def noise(name, size):
    """Bytes that do not compress."""
    return b"".join(hashlib.sha256(f"{name} {at}".encode()).digest() for at in range(size // 32))


def layer(name, size):
    return archives.tar([archives.Member(f"{name}.bin", noise(name, size))])


def test_large_ones_in_chunks_do_not_wait_for_small_ones_that_wait_for_them(bench):
    """An archive that is compressed is read by one at a time, and uploads are limited, too."""
    image = archives.Image("docker.io/library/app:1",
                           [layer("large", 1 << 20)]
                           + [layer(f"small {number}", 4000) for number in range(MANY)])
    bench.bundle.write_bytes(gzip.compress(archives.tar(archives.docker_25(image)), 1))
    bench.server.fault("PATCH upload", act.trickle_in(0.05), times=None)
    assert_done(bench.load(options=["--chunk-size", "64K", "--jobs", JOBS], timeout=60))
    assert bench.server.count("PATCH upload") > 1
