"""Loading the release: from the file that came on site into a registry, or into Docker."""

import os
from functools import cache, partial

from measure import Contender, Goal, Row
from rivals import (CURL_PUT, DOCKER_PUSH, DOCKER_RUNS, SKOPEO_PUSH, assert_whole, docker_archive,
                    docker_bundle, oci_archive, oci_layout, posts)

PUTS, SKOPEO = "8 parallel PUTs", "skopeo copy"
DOCKER_LOAD = '"$DOCKER" load --quiet --input "$1"; shift'


def rows(world):
    """ferry load: to an empty registry, to one that has everything, to a daemon."""
    yield Row("load", "the release into an empty registry", (
        Contender("ferry load", partial(ferry, world)),
        Contender(PUTS, partial(puts, world)),
        Contender(SKOPEO, partial(skopeo, world)),
        Contender("tar x, skopeo copy", partial(untar_and_skopeo, world)),
    ), (Goal("seconds", 1.15, PUTS), Goal("seconds", 0.5, SKOPEO), Goal("memory", 64 << 20),
        Goal("disk", 1 << 20)))
    yield Row("load-by-docker", "the same against Docker", (
        Contender("ferry load", partial(ferry, world)),
        Contender("docker load, push", partial(docker, world)),
    ), runs=DOCKER_RUNS)
    yield Row("load-again", "the release into a registry that has all of it", (
        Contender("ferry load", partial(ferry_again, world)),
        Contender(SKOPEO, partial(skopeo_again, world)),
        Contender("docker push", partial(docker_again, world)),
    ), (Goal("memory", 64 << 20), Goal("disk", 1 << 20)))
    yield Row("load-docker", "the release into an empty Docker", (
        Contender("ferry load", partial(ferry_to_docker, world)),
        Contender("docker load", partial(docker_load, world)),
        Contender("zstd -dc, docker load", partial(unpack_and_docker_load, world)),
    ), (Goal("memory", 64 << 20),), DOCKER_RUNS)


def ferry(world):
    """What users of ferry do; every blob is proved, every image read back."""
    bundle = world.bundle
    with world.fresh_registry() as registry:
        sample = world.run(world.ferry, "load", bundle, "--to", registry.address, "--any-host")
        assert_whole(world, registry.storage_dir)
    return sample


def puts(world):
    """The floor: each blob once into one repository that wants it, from a file of its own.

    It leaves out the mounts into the other repositories, and so the manifests, which no
    registry takes before (they go in as blobs), the tags, and any look at what came of it.
    """
    with world.fresh_registry() as registry:
        sample = world.shell(CURL_PUT, posts(world, registry), world.memory / "puts")
        assert_whole(world, registry.storage_dir)
    return sample


def skopeo(world):
    """From a folder that was unpacked before."""
    layout = oci_layout(world)
    with world.fresh_registry() as registry:
        return world.shell(SKOPEO_PUSH, layout, registry.address, *world.images)


def untar_and_skopeo(world):
    """From the file that came on site."""
    archive = oci_archive(world)
    with world.fresh_registry() as registry, world.scratch() as folder:
        return world.shell('tar -x -f "$1" -C "$2"; shift' + SKOPEO_PUSH, archive, folder,
                           registry.address, *world.images)


def docker(world):
    """From the file that came on site, by way of an empty daemon."""
    archive, daemon = docker_archive(world), world.docker
    with world.fresh_registry() as registry:
        sample = daemon.charged(world.shell, DOCKER_LOAD + DOCKER_PUSH, archive,
                                world.source.address, registry.address, *world.images)
    daemon.empty()
    return sample


@cache
def full_registry(world):
    """A registry for the second time; each contender has a folder of its own in it."""
    return world.keep(world.fresh_registry())


@cache
def place(world, name, filled):
    """HOST:PORT/NAME, where a contender has put everything before; FILLED does that once."""
    target = f"{full_registry(world).address}/{name}"
    filled(world, target)
    os.sync()
    return target


def ferry_again(world):
    """The same command again."""
    return load_with_ferry(world, place(world, "ferry", load_with_ferry))


def load_with_ferry(world, target):
    """ferry load under a prefix."""
    return world.run(world.ferry, "load", world.bundle, "--to", target, "--any-host")


def skopeo_again(world):
    """The same commands again."""
    return load_with_skopeo(world, place(world, "skopeo", load_with_skopeo))


def load_with_skopeo(world, target):
    """skopeo copy under a prefix."""
    return world.shell(SKOPEO_PUSH, oci_layout(world), target, *world.images)


def docker_again(world):
    """The same pushes again; that the daemon has the images is taken for granted."""
    return push_with_docker(world, place(world, "docker", load_and_push))


def load_and_push(world, target):
    """Into an empty daemon, and out of it."""
    archive = docker_archive(world)
    world.docker.empty()
    world.docker.charged(world.shell, DOCKER_LOAD, archive)
    push_with_docker(world, target)


def push_with_docker(world, target):
    """docker push under a prefix."""
    return world.docker.charged(world.shell, DOCKER_PUSH, world.source.address, target,
                                *world.images)


def ferry_to_docker(world):
    """One stream, each image read back; both contenders have the daemon's time as theirs."""
    bundle, daemon = world.bundle, world.docker
    daemon.empty()
    sample = daemon.charged(world.run, world.ferry, "load", bundle,
                            "--to", f"docker-daemon:{daemon.socket}", memory=False)
    daemon.empty()
    return sample


def docker_load(world):
    """From an archive that is not compressed: three times what ferry's bundle is."""
    archive, daemon = docker_archive(world), world.docker
    daemon.empty()
    sample = daemon.charged(world.run, daemon.program, "load", "--quiet", "--input", archive,
                            memory=False)
    daemon.empty()
    return sample


def unpack_and_docker_load(world):
    """From an archive that was made as small as ferry's bundle for the journey."""
    archive, daemon = docker_bundle(world), world.docker
    daemon.empty()
    sample = daemon.charged(world.shell, 'zstd -q -d -c "$1" | "$DOCKER" load --quiet', archive,
                            memory=False)
    daemon.empty()
    return sample
