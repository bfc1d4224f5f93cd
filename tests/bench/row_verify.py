"""Proving a bundle against reading it once and hashing what is read."""

from functools import partial

from measure import Contender, Goal, Row

FLOOR = "zstd -dc | sha256sum"


def rows(world):
    """ferry verify."""
    yield Row("verify", "every byte of the release's bundle proved", (
        Contender("ferry verify", partial(ferry, world)),
        Contender(FLOOR, partial(hash_stream, world)),
        Contender("tar x, sha256sum", partial(unpack_and_hash, world)),
    ), (Goal("seconds", 1.1, FLOOR), Goal("memory", 64 << 20), Goal("disk", 1 << 20)))


def ferry(world):
    """What users of ferry do."""
    return world.run(world.ferry, "verify", world.bundle)


def hash_stream(world):
    """The floor: it knows of no blob, so it could not say what is damaged."""
    return world.shell('zstd -q -d -c "$1" | sha256sum', world.bundle)


def unpack_and_hash(world):
    """What a user without ferry does: each blob's digest is its name."""
    with world.scratch() as folder:
        return world.shell("""
            zstd -q -d -c "$1" | tar -x -C "$2"
            cd "$2/blobs/sha256"
            printf '%s  %s\\n' $(for blob in *; do echo "$blob $blob"; done) |
                sha256sum --quiet --check
            """, world.bundle, folder)
