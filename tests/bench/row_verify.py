"""Proving a bundle against reading it once and hashing what is read."""

from functools import partial

from measure import Contender, Goal, Row

FLOOR, FAST = "zstd -dc | sha256sum", "zstd -dc | openssl"


def rows(world):
    """ferry verify."""
    yield Row("verify", "every byte of the release's bundle proved", (
        Contender("ferry verify", partial(ferry, world)),
        Contender(FLOOR, partial(hash_stream, world, "sha256sum")),
        Contender(FAST, partial(hash_stream, world, "openssl dgst -sha256")),
        Contender("tar x, sha256sum", partial(unpack_and_hash, world)),
    ), (Goal("seconds", 1.1, FLOOR), Goal("seconds", 1.1, FAST), Goal("memory", 64 << 20),
        Goal("disk", 1 << 20)))


def ferry(world):
    """What users of ferry do."""
    return world.run(world.ferry, "verify", world.bundle)


def hash_stream(world, program):
    """The floor: it knows of no blob, so it could not say what is damaged.

    Debian's sha256sum does without the processor's instructions for it, openssl with them.
    """
    return world.shell(f'zstd -q -d -c "$1" | {program}', world.bundle)


def unpack_and_hash(world):
    """What a user without ferry does: each blob's digest is its name."""
    with world.scratch() as folder:
        return world.shell("""
            zstd -q -d -c "$1" | tar -x -C "$2"
            cd "$2/blobs/sha256"
            printf '%s  %s\\n' $(for blob in *; do echo "$blob $blob"; done) |
                sha256sum --quiet --check
            """, world.bundle, folder)
