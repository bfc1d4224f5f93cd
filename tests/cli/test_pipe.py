"""Bundles and archives that come through a pipe: `ssh host 'cat BUNDLE' | ferry load -`.

A pipe is read once.  Nothing may become visible before all that was to come
through it has come and has been proved; what went wrong is said; and a bundle
that verify would not take is not taken from a pipe either.
"""

import gzip
import json
import os
import pty
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

import archives  # noqa: E402
import faulty_actions as act  # noqa: E402
import ferry as program  # noqa: E402
import hostile  # noqa: E402
import hostile_nested  # noqa: E402, F401  pylint: disable=unused-import
from bundles import attestation, exact_layer, gzip_layer, image, nested, raw_frame, write  # noqa: E402
from edits import same_size  # noqa: E402
from fake_docker import FakeDocker  # noqa: E402
from faulty import FaultyRegistry  # noqa: E402
from hostile import APP, OTHER, PLAIN  # noqa: E402

PATIENCE = 20
DONE, FAILED, USAGE, DAMAGED, PARTIAL = 0, 1, 2, 3, 5
JOBS = 2
CUTS, FLIPS = 60, 150
SEED = 20261124


@pytest.fixture(name="registry", scope="module")
def registry_fixture():
    """A registry that takes what is pushed."""
    with FaultyRegistry() as server:
        yield server


@pytest.fixture(name="target")
def target_fixture(registry):
    """The same, empty."""
    registry.store.repos.clear()
    registry.store.content.clear()
    return registry


def behaves(code, out, err):
    """Whatever it thinks of what came, it must behave."""
    text = out + err
    assert code in (DONE, FAILED, USAGE, DAMAGED, PARTIAL), text
    assert not re.search("Sanitizer|runtime error|Assertion|Traceback", text), text
    return subprocess.CompletedProcess([], code, out, err)


def load(data, to, *args, what="-", **more):
    """ferry load WHAT with `data` on its standard input."""
    done = subprocess.run([program.program(), "load", what, "--to", to, "--any-host", "--retries",
                           "0", *map(str, args)], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=program.environment(), timeout=PATIENCE,
                          check=False, **more)
    return behaves(done.returncode, done.stdout.decode(), done.stderr.decode())


def begin(to, *args, what="-"):
    """The same, to be fed little by little."""
    return subprocess.Popen([program.program(), "load", what, "--to", to, "--any-host", "--quiet",
                             *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=program.environment())


def at_once(function, items):
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(function, items))


def visible(server):
    """What somebody who pulls would see."""
    return {name: (dict(repo.tags), set(repo.manifests))
            for name, repo in server.store.repos.items() if repo.tags or repo.manifests}


def tags_of(images):
    wanted = {}
    for each in images:
        repo, tag = each.name.removeprefix("docker.io/library/").split(":")
        tags, manifests = wanted.setdefault(repo, ({}, set()))
        tags[tag] = each.whole
        manifests |= {each.digest, each.whole}
    return wanted


# What is right

def test_a_bundle_in_one_pass(target):
    """All of it, and the second time nothing; what is there passes by."""
    bundle = write([APP, OTHER, PLAIN]).data
    for sent in (True, False):
        done = load(bundle, target.host, "--json")
        document = json.loads(done.stdout)
        assert done.returncode == DONE and bool(document["sent"]) == sent, done
        assert (document["kind"], document["bundle"]) == ("bundle", "-")
        assert document["proof"].startswith("every byte")
        assert visible(target) == tags_of([APP, OTHER, PLAIN])


def test_all_at_once_is_not_needed(target):
    """Byte by byte at first, then in pieces that fit nothing."""
    bundle = write([APP, PLAIN]).data
    with begin(target.host) as process:
        at = 0
        while at < len(bundle):
            size = 1 if at < 600 else 4097
            process.stdin.write(bundle[at:at + size])
            process.stdin.flush()
            at += size
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == DONE, (out, err)
    assert visible(target) == tags_of([APP, PLAIN])


def shared_out_of_order():
    """Two images that share a layer; in the bundle's order it comes before b's first."""
    base, own, first = gzip_layer("base", 3000), gzip_layer("own", 2000), gzip_layer("first", 1000)
    return [image("docker.io/library/a:1", [base, own]),
            image("docker.io/library/b:1", [first, base])]


def test_only_one_image(target):
    """The order is the bundle's, not the image's."""
    images = shared_out_of_order()
    done = load(write(images).data, target.host, "--only", "b:1", "--quiet")
    assert done.returncode == DONE, done
    assert visible(target) == tags_of(images[1:])


def test_into_docker(tmp_path):
    images = shared_out_of_order()
    with FakeDocker(tmp_path) as docker:
        done = load(write(images).data, docker.to, "--only", "b:1", "--quiet")
        assert done.returncode == DONE, done
        assert set(docker.names) == {"docker.io/library/b:1"}
        again = load(write(images).data, docker.to, "--json")
        assert json.loads(again.stdout)["images"][1]["state"] == "present", again
        assert len(docker.names) == 2


def test_into_a_folder(tmp_path):
    done = load(write([APP, OTHER]).data, f"oci:{tmp_path / 'layout'}", "--quiet")
    assert done.returncode == DONE, done
    assert len(json.loads((tmp_path / "layout/index.json").read_text())["manifests"]) == 2


def test_several_platforms(target):
    """An index with all its children, an attestation among them, whose config nobody reads."""
    name = "docker.io/library/both:1"
    amd = image(name, [gzip_layer("amd", 500)])
    arm = image(name, [gzip_layer("arm", 500)], "linux/arm64/v8")
    bundle = write([APP, *nested([amd, attestation(name, amd), arm])]).data
    done = load(bundle, target.host, "--quiet")
    assert done.returncode == DONE, done
    assert set(visible(target)) == {"app", "both"}
    target.store.repos.clear()
    assert load(bundle, target.host, "--quiet", "--only", "app:1").returncode == DONE
    assert set(visible(target)) == {"app"}


def test_a_fifo(target, tmp_path):
    """As standard input, whoever comes first."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with begin(target.host, what=str(path)) as process:
        time.sleep(0.3)     # nobody writes yet, and that is not its end
        assert process.poll() is None
        path.write_bytes(write([APP]).data)
        assert process.wait(PATIENCE) == DONE, process.stderr.read()
    assert visible(target) == tags_of([APP])


def test_a_dry_run_leaves_the_rest(target):
    """The plan needs the beginning only."""
    bundle = write([APP, PLAIN]).data
    done = load(bundle[:-3000], target.host, "--dry-run")
    assert done.returncode == DONE and "app:1" in done.stdout, done
    assert visible(target) == {}


# What is wrong

BAD = [case for case in hostile.CASES if case.seen_by <= hostile.VERIFY]
GOOD = [case for case in hostile.CASES if case.seen_by > hostile.VERIFY]


def test_hostile_bundles(target):
    """What verify refuses is refused, all of it; nothing becomes visible."""
    loads = at_once(lambda case: load(case.write().data, target.host, "--quiet"), BAD)
    cut = {"no seek table", "half a seek table"}    # a pipe that ends early: try again
    for case, done in zip(BAD, loads):
        assert done.returncode == (FAILED if case.name in cut else DAMAGED), (case.name, done)
        assert "standard input: " in done.stderr, (case.name, done)
    assert visible(target) == {} and len(BAD) > 150


def test_what_only_looks_hostile(target):
    for case in GOOD:   # one by one: they are of one name
        done = load(case.write().data, target.host, "--quiet")
        assert (done.returncode, done.stderr) == (DONE, ""), (case.name, done)


def borders(bundle):
    """Where regions of the bundle begin and end."""
    return sorted({at for _, begin, end, *_ in bundle.regions for at in (begin, end)})


def test_cut_off_anywhere(target):
    bundle = write([APP, OTHER, PLAIN])
    places = {*range(0, 24), *borders(bundle), len(bundle.data) - 1,
              *random.Random(SEED).sample(range(len(bundle.data)), CUTS)} - {len(bundle.data)}
    for at, done in zip(places, at_once(
            lambda at: load(bundle.data[:at], target.host, "--quiet"), places)):
        assert done.returncode == (FAILED if at == 0 or at >= 10 else DAMAGED), (at, done)
        says = "nothing came" if at == 0 else "no bundle" if at < 10 else "the pipe ended after"
        assert says in done.stderr, (at, done)
    assert visible(target) == {}


def test_flipped_anywhere(target):
    bundle = write([APP, OTHER, PLAIN]).data
    choice = random.Random(SEED)

    def flipped(at):
        data = bytearray(bundle)
        data[at] ^= 1 << choice.randrange(8)
        return load(bytes(data), target.host, "--quiet")
    places = choice.sample(range(len(bundle)), FLIPS)
    for at, done in zip(places, at_once(flipped, places)):
        # A size that has become larger asks for more than comes.
        assert done.returncode in (DAMAGED, FAILED), (at, done)
        assert done.returncode == DAMAGED or "the pipe ended" in done.stderr, (at, done)
    assert visible(target) == {}


TARGETS = {
    "registry": lambda registry, _docker, _folder: registry.host,
    "docker": lambda _registry, docker, _folder: docker.to,
    "oci": lambda _registry, _docker, folder: f"oci:{folder / 'layout'}",
}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("only", [(), ("--only", "app:1")], ids=["all", "one"])
def test_damaged_in_its_last_blob(kind, only, target, tmp_path):
    """Also where that blob is of no image that is wanted."""
    images = [APP, OTHER]
    bundle = write(images, runs=same_size(len(APP.layers) + 4)).data
    with FakeDocker(tmp_path) as docker:
        done = load(bundle, TARGETS[kind](target, docker, tmp_path), "--quiet", *only)
        assert done.returncode == DAMAGED and "its content is sha256:" in done.stderr, done
        assert docker.names == {} and visible(target) == {}
        assert not (tmp_path / "layout/index.json").exists()


@pytest.mark.parametrize("kind", TARGETS)
def test_something_behind_its_end(kind, target, tmp_path):
    """As long as it is not known what all of it is, none of it is shown."""
    bundle = write([APP]).data + raw_frame(b"more")
    with FakeDocker(tmp_path) as docker:
        done = load(bundle, TARGETS[kind](target, docker, tmp_path), "--quiet")
        assert done.returncode == DAMAGED and "behind its end" in done.stderr, done
        assert docker.names == {} and visible(target) == {}
        assert not (tmp_path / "layout/index.json").exists()


def test_what_is_there_already_is_proved_too(target):
    bundle = write([APP]).data
    assert load(bundle, target.host, "--quiet").returncode == DONE
    done = load(bundle + b"x", target.host, "--quiet")
    assert done.returncode == DAMAGED and "behind its end" in done.stderr, done


def test_endless_input(target):
    """It is no bundle from its first bytes on."""
    with open("/dev/zero", "rb") as zeros:
        done = subprocess.run([program.program(), "load", "-", "--to", target.host], stdin=zeros,
                              capture_output=True, text=True, env=program.environment(),
                              timeout=PATIENCE, check=False)
    assert done.returncode == DAMAGED and "no bundle" in done.stderr, done


def test_a_terminal():
    """Nobody types a bundle."""
    master, slave = pty.openpty()
    done = subprocess.run([program.program(), "load", "-", "--to", "127.0.0.1:1"], stdin=slave,
                          capture_output=True, text=True, env=program.environment(),
                          timeout=PATIENCE, check=False)
    os.close(master)
    os.close(slave)
    assert done.returncode == USAGE and "| ferry load -" in done.stderr, done


@pytest.mark.parametrize("at", [0, 100, 5000])
def test_interrupted_while_it_waits(at, target):
    """A pipe that stalls is waited for; Ctrl-C ends that at once."""
    bundle = write([APP, PLAIN]).data
    with begin(target.host) as process:
        process.stdin.write(bundle[:at])
        process.stdin.flush()
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 128 + signal.SIGINT
    assert visible(target) == {}


def test_a_feeder_that_dies(target):
    """What most of all goes wrong: ssh ends in the midst of it."""
    bundle = write([image("docker.io/library/big:1", [exact_layer("big", 3 << 20)])]).data
    with begin(target.host) as process:
        def feed():
            process.stdin.write(bundle[:2 << 20])
            process.stdin.close()
        feeder = threading.Thread(target=feed)
        feeder.start()
        assert process.wait(PATIENCE) == FAILED
        feeder.join()
        assert "the pipe ended after 2.0 MiB of 3.0 MiB: " in process.stderr.read().decode()
    assert visible(target) == {}


def test_a_target_that_fails(target):
    """A registry that refuses one image ends neither the pipe nor the others."""
    bundle = write([APP, OTHER]).data
    done = load(bundle, "127.0.0.1:1", "--quiet")
    assert done.returncode == FAILED, done
    assert load(bundle, target.host, "--quiet").returncode == DONE


def test_a_registry_that_mounts_nothing(target, tmp_path):
    """What two repositories share would have to come twice; it is said what helps, and it does."""
    bundle = write([APP, image("docker.io/library/too:1", APP.layers)]).data
    target.fault("POST upload mount", act.status(405), times=None)
    try:
        done = load(bundle, target.host, "--quiet")
        assert done.returncode == PARTIAL and "a pipe does not go back" in done.stderr, done
        assert "--spool DIR" in done.stderr and set(visible(target)) == {"app"}
        target.store.repos.clear()
        spooled = load(bundle, target.host, "--quiet", "--spool", tmp_path)
        assert spooled.returncode == DONE and set(visible(target)) == {"app", "too"}, spooled
    finally:
        target.clear_faults()


def test_a_registry_that_loses_an_upload(target, tmp_path):
    """Chunks that have passed do not come back; it is said what helps, and it does."""
    bundle = write([image("docker.io/library/big:1", [exact_layer(1, 200_000)])]).data
    chunks = ["--quiet", "--chunk-size", "64K"]
    target.fault("PATCH upload", act.forget_upload(), skip=1)
    done = load(bundle, target.host, *chunks)
    assert done.returncode == FAILED and "try again, or with --spool DIR" in done.stderr, done
    target.clear_faults()
    target.fault("PATCH upload", act.forget_upload(), skip=1)
    try:
        spooled = load(bundle, target.host, *chunks, "--retries", "1", "--spool", tmp_path)
        assert spooled.returncode == DONE and set(visible(target)) == {"big"}, spooled
    finally:
        target.clear_faults()


# What others made

IMAGES = [archives.Image("docker.io/library/app:1", [archives.layer("a"), archives.layer("b")]),
          archives.Image("docker.io/acme/web:2", [archives.layer("a"), archives.layer("c")])]
PACKED = [archives.Image(each.name, each.layers, packed=True) for each in IMAGES]


def zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout


def unpacked_bundle():
    data = write([APP]).data
    return subprocess.run(["zstd", "-dqc"], input=data, capture_output=True, check=True).stdout


ARCHIVES = {
    "oci": (lambda: archives.tar(archives.oci(*PACKED)), "oci-archive", PACKED),
    "oci gzip": (lambda: gzip.compress(archives.tar(archives.oci(*PACKED))), "oci-archive", PACKED),
    "oci zstd": (lambda: zstd(archives.tar(archives.oci(*PACKED))), "oci-archive", PACKED),
    "docker 1.x": (lambda: archives.tar(archives.docker_1x(*IMAGES)), "docker-archive", IMAGES),
    "docker 1.x gzip": (lambda: gzip.compress(archives.tar(archives.docker_1x(*IMAGES))),
                        "docker-archive", IMAGES),
    "docker 25": (lambda: archives.tar(archives.docker_25(*IMAGES)), "oci-archive", IMAGES),
    "a bundle without zstd": (unpacked_bundle, "oci-archive", None),
}


def repos(server):
    return {name: dict(repo.tags) for name, repo in server.store.repos.items() if repo.tags}


def expected_repos(images):
    if images is None:
        return {"app": {"1": APP.digest}}
    return {each.name.removeprefix("docker.io/library/").removeprefix("docker.io/").split(":")[0]:
            {each.tag: archives.digest_of(each.manifest)} for each in images}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_of_others(name, target, tmp_path):
    """From a file; from a pipe by way of a folder, which is empty again; else refused."""
    make, kind, images = ARCHIVES[name]
    data, path, spool = make(), tmp_path / "archive", tmp_path / "spool"
    path.write_bytes(data)
    spool.mkdir()
    done = load(None, target.host, "--json", what=str(path), stdin=None)
    document = json.loads(done.stdout)
    assert done.returncode == DONE and document["kind"] == kind, done
    assert "vouches" in document["proof"] and repos(target) == expected_repos(images)

    target.store.repos.clear()
    refused = load(data, target.host, "--quiet")
    assert refused.returncode == DAMAGED and "--spool DIR" in refused.stderr, refused
    assert repos(target) == {}
    spooled = load(data, target.host, "--spool", spool)
    assert spooled.returncode == DONE and repos(target) == expected_repos(images), spooled
    assert "  proved     " in spooled.stderr and not list(spool.iterdir())


def test_one_image_of_an_archive(target, tmp_path):
    path = tmp_path / "archive"
    path.write_bytes(ARCHIVES["oci"][0]())
    done = load(None, target.host, "--quiet", "--only", "acme/web:2", what=str(path), stdin=None)
    assert done.returncode == DONE and set(repos(target)) == {"acme/web"}, done
    done = load(None, target.host, "--quiet", "--only", "nginx", what=str(path), stdin=None)
    assert done.returncode == FAILED and "nginx is not in it; it has " in done.stderr, done


def damaged(members, blob):
    """The archive with one byte of a blob changed."""
    member = archives.find(members, archives.BLOBS + archives.hex_of(blob))
    member.data = bytes([member.data[0] ^ 1]) + member.data[1:]
    return archives.tar(members)


def test_a_damaged_archive(target, tmp_path):
    """What its index names is proved; the other image is not kept back by it."""
    path = tmp_path / "archive"
    path.write_bytes(damaged(archives.oci(*PACKED), PACKED[1].blobs[1]))
    done = load(None, target.host, "--quiet", what=str(path), stdin=None)
    assert done.returncode == DAMAGED and "its content is sha256:" in done.stderr, done
    assert repos(target) == expected_repos(PACKED[:1])


def test_an_archive_without_full_names(target, tmp_path):
    """They are given where it is packed, and it is said how."""
    members = archives.oci(PACKED[0])
    index = archives.find(members, "index.json")
    index.data = index.data.replace(b'"io.containerd.image.name"', b'"nothing"')
    path = tmp_path / "archive"
    path.write_bytes(archives.tar(members))
    done = load(None, target.host, "--quiet", what=str(path), stdin=None)
    assert done.returncode == USAGE, done
    assert "ferry pack 'oci-archive:FILE => NAME' -o BUNDLE" in done.stderr


def test_a_flipped_bit_makes_no_archive(target, tmp_path):
    """A bundle whose first frame says less is not somebody else's archive."""
    bundle = bytearray(write([APP]).data)
    bundle[5] += 8      # a window twice as large, which zstd takes
    done = load(bytes(bundle), target.host, "--quiet", "--spool", tmp_path)
    assert done.returncode == DAMAGED and "with the members of a bundle" in done.stderr, done
    assert repos(target) == {}


def test_spool(target, tmp_path):
    """Of a bundle: no need, but it may be; nowhere to put it; no room; nothing to put there."""
    bundle = write([APP]).data
    assert load(bundle, target.host, "--quiet", "--spool", tmp_path).returncode == DONE
    missing = load(bundle, target.host, "--spool", tmp_path / "none")
    assert missing.returncode == FAILED and "No such file" in missing.stderr, missing

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
    full = load(bundle, target.host, "--spool", tmp_path, preexec_fn=little_room)
    assert full.returncode == FAILED and "--spool needs room" in full.stderr, full
    path = tmp_path / "bundle"
    path.write_bytes(bundle)
    none = load(None, target.host, "--spool", tmp_path, what=str(path), stdin=None)
    assert none.returncode == USAGE and "does not" in none.stderr, none
    assert list(tmp_path.iterdir()) == [path]
