"""Packing the release: from a registry into one file on the disk."""

from functools import partial

from measure import Contender, Goal, Row
from rivals import CURL, DOCKER_PULL, DOCKER_RUNS, SKOPEO_PULL, assert_whole, gets

FLOOR, SKOPEO, COPY = "curl + sync", "skopeo copy + tar", "cp of the bundle"


def rows(world):
    """ferry pack."""
    yield Row("pack", "the release from a registry into one file", (
        Contender("ferry pack", partial(ferry, world)),
        Contender(FLOOR, partial(fetch, world)),
        Contender(SKOPEO, partial(skopeo, world)),
        Contender(COPY, partial(copy, world)),
    ), (Goal("seconds", 1.15, FLOOR), Goal("seconds", 0.5, SKOPEO), Goal("memory", 64 << 20),
        Goal("disk", 1.01, COPY)))
    yield Row("pack-by-docker", "the same against Docker", (
        Contender("ferry pack", partial(ferry, world)),
        Contender("docker pull, save, zstd", partial(docker, world)),
    ), runs=DOCKER_RUNS)


def ferry(world):
    """What users of ferry do; it syncs by itself."""
    with world.scratch() as folder:
        return world.run(world.ferry, "pack", "-f", world.list_file,
                         "-o", folder / "release.tar.zst")


def fetch(world):
    """The floor: the same blobs into files. No digest is looked at, nothing is one file."""
    with world.scratch() as folder:
        sample = world.shell(f'{CURL} --config "$1"; sync --file-system "$2"',
                             gets(world, folder), folder)
        assert_whole(world, folder)
    return sample


def skopeo(world):
    """A folder of all images, which shares their blobs, and a tar of it."""
    with world.scratch() as folder:
        return world.shell(SKOPEO_PULL + """
            tar -c -f "$folder.tar" -C "$folder" .
            sync "$folder.tar"
            """, folder / "release", world.source.address, *world.images)


def docker(world):
    """All images from a daemon that had none, layers unpacked and packed again."""
    daemon = world.docker
    daemon.empty()
    with world.scratch() as folder:
        sample = daemon.charged(world.shell, "file=$1; shift" + DOCKER_PULL + """
            "$DOCKER" save "${@/#/$source/}" | zstd -q -T0 > "$file"
            sync "$file"
            """, folder / "release.tar.zst", world.source.address, *world.images)
    daemon.empty()
    return sample


def copy(world):
    """What the disk takes for a file like the bundle, in room and in time."""
    with world.scratch() as folder:
        return world.shell('cp --reflink=never "$1" "$2"; sync "$2"', world.bundle, folder / "copy")
