"""What users would take instead of ferry, and the floors: commands, and what they need.

Each gets the best of its sensible options. What a rival needs before it can begin is made
once, by itself, and on the disk (synced) before anything is measured.
"""

from functools import cache

from measure import BenchError, total_size
from world import PLATFORM

JOBS = 8  # as many as ferry has by default
DOCKER_RUNS = 2  # each takes minutes, and the ratio is not a matter of percents

# $1 a folder, $2 HOST:PORT of the source, then the images' names. One copy after the other:
# they share the folder's index.
SKOPEO_PULL = """
    folder=$1; registry=$2; shift 2
    for name; do
        skopeo --insecure-policy --override-os linux --override-arch amd64 copy --quiet \\
            --src-tls-verify=false "docker://$registry/$name" "oci:$folder:$name"
    done
    """
# $1 a folder, $2 HOST:PORT/PREFIX, then the images' names.
SKOPEO_PUSH = """
    folder=$1; target=$2; shift 2
    for name; do
        skopeo --insecure-policy copy --quiet \\
            --dest-tls-verify=false "oci:$folder:$name" "docker://$target/$name"
    done
    """
# $1 HOST:PORT of the source, then the images' names.
DOCKER_PULL = f"""
    source=$1; shift
    for name; do "$DOCKER" pull --quiet --platform {PLATFORM} "$source/$name"; done
    """
# $1 HOST:PORT of the source, $2 HOST:PORT/PREFIX of the target, then the images' names.
DOCKER_PUSH = """
    source=$1; target=$2; shift 2
    for name; do
        "$DOCKER" tag "$source/$name" "$target/$name"
        "$DOCKER" push --quiet "$target/$name"
    done
    """
CURL = f"curl --no-progress-meter --fail --parallel --parallel-max {JOBS}"
# The answers to the first curl's POSTs are the second one's configuration.
CURL_PUT = f"""
    {CURL} --config "$1" > "$2"
    {CURL} --config "$2"
    """


def largest_first(world):
    """Digest and Blob of everything; whoever begins with the large ones ends soonest."""
    return sorted(world.blobs.items(), key=lambda item: item[1].size, reverse=True)


def file_name(digest):
    """The name of the file that holds a blob."""
    return digest.partition(":")[2]


def gets(world, folder):
    """A configuration for curl: every blob of the release into a file of FOLDER."""
    types = dict.fromkeys(blob.media_type for blob in world.blobs.values() if blob.media_type)
    lines = [f'header = "Accept: {", ".join(types)}"']
    for digest, blob in largest_first(world):
        kind = "manifests" if blob.media_type else "blobs"
        lines += [f'url = "{world.source.url}/v2/{blob.repository}/{kind}/{digest}"',
                  f'output = "{folder / file_name(digest)}"']
    return written(world.memory / "gets", lines)


def posts(world, registry):
    """A configuration for curl: ask for a place for every blob.

    Each answer writes the lines that PUT the blob there: with `next` between them, since
    a method and what comes of an answer are of one URL only.
    """
    lines = []
    for digest, blob in largest_first(world):
        path = blob_files(world) / file_name(digest)
        put = ["next", rf'url = \"%header{{location}}&digest={digest}\"',
               rf'upload-file = \"{path}\"', r'header = \"Content-Type: application/octet-stream\"',
               r'header = \"Expect:\"', "fail"]
        lines += ["next", f'url = "{registry.url}/v2/{blob.repository}/blobs/uploads/"',
                  'data = ""', "fail", f'write-out = "{escaped(put)}"']
    return written(world.memory / "posts", lines)


def escaped(lines):
    """Lines as curl's configuration writes them in one string."""
    return "".join(line + r"\n" for line in lines)


def written(path, lines):
    """A file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def assert_whole(world, folder):
    """What lies there is as much as the release at least, or nothing was measured."""
    wanted, found = sum(blob.size for blob in world.blobs.values()), total_size(folder)
    if found < wanted:
        raise BenchError(f"{folder}: {found} of {wanted} bytes")


@cache
def blob_files(world):
    """A folder with a file for every blob of the release."""
    folder = new_folder(world, "blobs")
    world.prepare(*CURL.split(), "--config", gets(world, folder))
    assert_whole(world, folder)
    return folder


@cache
def oci_layout(world):
    """The folder that skopeo makes of the release."""
    folder = new_folder(world, "skopeo")
    world.prepare("bash", "-euc", SKOPEO_PULL, "bench", folder, world.source.address,
                  *world.images)
    return folder


@cache
def oci_archive(world):
    """The same as the file that goes on the stick."""
    path = world.folder / "skopeo.tar"
    world.prepare("tar", "-c", "-f", path, "-C", oci_layout(world), ".")
    return path


@cache
def docker_archive(world):
    """What docker saves of the release, not compressed."""
    path = world.folder / "docker.tar"
    docker = world.docker
    docker.empty()
    world.prepare("bash", "-euc", DOCKER_PULL, "bench", world.source.address, *world.images,
                  environment=docker.environment)
    world.prepare(docker.program, "save", "-o", path, *world.references,
                  environment=docker.environment)
    docker.empty()
    return path


@cache
def docker_bundle(world):
    """The same as small as it goes on a stick."""
    path = world.folder / "docker.tar.zst"
    world.prepare("zstd", "-q", "-T0", docker_archive(world), "-o", path)
    return path


def new_folder(world, name):
    """A folder that stays until the end."""
    path = world.folder / name
    path.mkdir()
    return path
