"""Looking into a bundle: what is in it, without reading all of it."""

from functools import partial

from measure import Contender, Goal, Row

RUNS = 20  # it is over in no time, so that a single run says little
GOALS = (Goal("seconds", 0.05), Goal("memory", 64 << 20), Goal("disk", 1 << 20))


def rows(world):
    """ferry list and ferry inspect of the release's bundle."""
    yield from reading_rows(lambda: world.bundle, "the release", world)


def reading_rows(bundle, title, world, suffix="", rivals=True):
    """list and inspect, as rows, of what BUNDLE() gives: it is made when a row is run.

    Without RIVALS only ferry runs: what unpacks a large bundle 20 times is no benchmark.
    """
    yield Row(f"list{suffix}", f"the images in {title} named", (
        Contender("ferry list", partial(ferry, world, "list", bundle)),
        *[Contender("tar t", partial(tar_list, world, bundle))] * rivals,
    ), GOALS, RUNS)
    yield Row(f"inspect{suffix}", f"what is known of {title} told", (
        Contender("ferry inspect", partial(ferry, world, "inspect", bundle)),
        *[Contender("tar x index.json", partial(tar_index, world, bundle)),
          Contender("skopeo inspect, one image", partial(skopeo, world, bundle))] * rivals,
    ), GOALS, RUNS)


def ferry(world, verb, bundle):
    """What users of ferry do; of a bundle that is not in the page cache, the front is."""
    return world.run(world.ferry, verb, bundle())


def tar_list(world, bundle):
    """All names in the archive; the images' own are not among them."""
    return world.run("tar", "-I", "zstd", "-t", "-f", bundle())


def tar_index(world, bundle):
    """The index alone, from whoever knows that it is at the front and tar may stop there."""
    return world.shell('zstd -q -d -c "$1" 2>/dev/null | tar -x -O --occurrence index.json || '
                       '[ "${PIPESTATUS[1]}" = 0 ]', bundle())


def skopeo(world, bundle):
    """One image's configuration; skopeo unpacks the archive into /var/tmp for that."""
    path = bundle()
    image = f"{world.source.address}/{world.images[0]}"
    return world.run("skopeo", "--insecure-policy", "--override-os", "linux",
                     "--override-arch", "amd64", "inspect", f"oci-archive:{path}:{image}")
