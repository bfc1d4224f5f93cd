"""Out of a bundle into containerd, which is asked through ctr for what came of it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import ferry as support
import pytest
import runnable
from job import digest_of, rows, run_under
from peers import Containerd
from process import run, wait_for

APP, DB, ALL = "docker.io/test/app:1", "docker.io/test/db:1", "docker.io/test/all:1"
K8S = "k8s.io"
NOBODY = 65534
MIB = 1 << 20


@pytest.fixture(scope="module", name="containerd")
def containerd_fixture():
    """One for all; each test has a namespace of its own."""
    with Containerd() as containerd:
        yield containerd


@pytest.fixture(scope="module", name="two")
def two_fixture(tmp_path_factory):
    """A bundle of two images that share a layer."""
    images = [runnable.app(APP, MIB), runnable.app(DB)]
    path = runnable.pack(tmp_path_factory.mktemp("two") / "two.tar.zst", *images)
    return SimpleNamespace(path=path, app=images[0], db=images[1],
                           digests={each.name: each.digest for each in images})


@pytest.fixture(name="load")
def load_fixture(containerd):
    """load(bundle, namespace, *options) -> what ferry said of loading it there."""
    def load(path, namespace, *options, env=None):
        done = support.run("load", path, "--to", f"containerd:{namespace}", *options,
                           env={**containerd.settings, **(env or {})})
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)
    return load


def told(done):
    """What a load with --json says: the document, and the images by name."""
    document = json.loads(done.out)
    return document, {image["name"]: image for image in document["images"]}


# The stack


@pytest.fixture(scope="module", name="loaded")
def loaded_fixture(containerd, bundle):
    """The stack, loaded into an empty namespace."""
    done = support.run("load", bundle, "--to", "containerd:stack", env=containerd.settings)
    assert done.returncode == 0, done.stderr
    return done


def test_every_image_is_there_with_its_digest(source, containerd, loaded):
    assert "13 of 13 images in place" in loaded.stdout
    assert containerd.images("stack") == source.digests()
    assert sorted(containerd.ready("stack")) == sorted(source.references())
    table = rows(loaded.stdout)
    for name, digest in source.digests().items():
        assert table[name][2] == digest
        assert table[name][-1] == "loaded, read back equal"
        assert digest_of(containerd.content("stack", digest).encode()) == digest


def test_the_stack_is_not_sent_twice(source, containerd, bundle, loaded, load):
    before = containerd.blobs("stack")
    document, images = told(load(bundle, "stack", "--json"))
    assert document["sent"] == 0
    assert {image["state"] for image in images.values()} == {"present"}
    assert containerd.blobs("stack") == before >= set(source.blobs())


def test_a_container_runs(source, containerd, loaded):
    name = source.reference("redis:7-alpine")
    said = containerd.ctr("stack", "run", "--rm", name, "redis", "redis-server", "--version")
    assert "Redis server v=7" in said


# What is there already


def test_what_is_there_is_not_sent(containerd, two, load):
    assert load(two.path, "first").code == 0
    document, images = told(load(two.path, "first", "--json"))
    assert (document["sent"], images["test/app:1"]["state"]) == (0, "present")
    assert images["test/app:1"]["detail"] == "there already, equal"
    assert containerd.images("first") == two.digests


def test_a_layer_of_another_image_is_not_sent(two, load):
    assert load(two.path, "shared", "--only", APP).code == 0
    document, images = told(load(two.path, "shared", "--json"))
    layer = two.db.layers[1]
    assert document["sent"] == sum(map(len, (layer.data, two.db.config, two.db.manifest)))
    assert [images[name]["state"] for name in ("test/app:1", "test/db:1")] == ["present", "done"]


@pytest.mark.parametrize("lose, sent", [
    (lambda ctr, two: ctr("images", "rm", "--sync", APP, DB), True),
    (lambda ctr, two: ctr("content", "rm", digest_of(two.app.layers[1].data)), True),
    (lambda ctr, two: ctr("images", "rm", DB), False),
], ids=["images", "layer", "one name"])
def test_what_was_lost_is_made_good(containerd, two, load, lose, sent):
    namespace = "lost"
    assert load(two.path, namespace).code == 0
    lose(lambda *words: containerd.ctr(namespace, *words), two)
    done = load(two.path, namespace, "--json")
    assert done.code == 0, done.err
    assert not sent or told(done)[0]["sent"] > 0
    assert containerd.images(namespace) == two.digests
    assert sorted(containerd.ready(namespace)) == [APP, DB]


def test_what_is_not_unpacked_is_unpacked(containerd, two, load, tmp_path):
    """Nothing of it is sent again for that."""
    plain = tmp_path / "two.tar"
    with open(plain, "wb") as out:
        subprocess.run(["zstd", "-dcq", two.path], stdout=out, check=True)
    containerd.ctr("packed", "images", "import", "--no-unpack", plain)
    assert containerd.ready("packed") == []
    document, images = told(load(two.path, "packed", "--json"))
    assert (document["sent"], images["test/app:1"]["state"]) == (0, "done")
    assert sorted(containerd.ready("packed")) == [APP, DB]


def test_a_name_that_means_another_image_is_moved(containerd, two, load):
    assert load(two.path, "moved").code == 0
    containerd.ctr("moved", "images", "tag", "--force", DB, APP)
    done = load(two.path, "moved")
    assert done.code == 0, done.err
    assert rows(done.out)["test/app:1"][-1] == \
        f"loaded, read back equal; it was {two.db.digest}"
    assert containerd.images("moved") == two.digests


def test_a_dry_run_loads_nothing(containerd, two, load):
    assert load(two.path, "dry", "--only", APP).code == 0
    done = load(two.path, "dry", "--dry-run")
    assert done.code == 0
    table = rows(done.out)
    assert table["test/app:1"][-1] == "there already, equal"
    assert table["test/db:1"][-1].startswith("planned, ")
    assert "namespace dry (platform: linux/amd64)" in done.out
    assert list(containerd.images("dry")) == [APP]


def test_the_kubelet_is_told_to_keep_them(containerd, two, load):
    for namespace, label in ((K8S, "io.cri-containerd.pinned=pinned"), ("other", "-")):
        assert load(two.path, namespace).code == 0
        assert containerd.labels(namespace, APP) == label


def test_the_environment_names_the_namespace(containerd, two, ferry):
    done = ferry("load", two.path, env={**containerd.settings, "CONTAINERD_NAMESPACE": "set"})
    assert done.returncode == 0, done.stderr
    assert f"at {containerd.socket}, namespace set: 2 of 2 images in place" in done.stdout
    assert containerd.images("set") == two.digests


def test_another_snapshotter(containerd, two, load):
    """ctr's own variable reaches it."""
    assert load(two.path, "native", env={"CONTAINERD_SNAPSHOTTER": "native"}).code == 0
    listed = containerd.ctr("native", "snapshots", "--snapshotter", "native", "ls")
    assert len(listed.splitlines()) == 4
    assert containerd.ready("native") == []     # as far as overlayfs is concerned


# Without --to, where /run has what the machine would have


def run_with(places, *arguments):
    """ferry, with a /run of its own that has links to sockets, {path: socket}."""
    links = "".join(f" && mkdir -p $(dirname {path}) && ln -s {socket} {path}"
                    for path, socket in places.items())
    return run_under(["unshare", "-m", "sh", "-c",
                      f'mount -t tmpfs tmpfs /run{links} && exec "$@"', "sh"], *arguments)


OWN, K3S = "/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock"


@pytest.mark.parametrize("place, namespace", [(OWN, "default"), (K3S, K8S)])
def test_the_one_runtime_is_found(containerd, two, place, namespace):
    done = run_with({place: containerd.socket}, "load", two.path)
    assert done.returncode == 0, done.stderr
    assert f"at {place}, namespace {namespace}: 2 of 2 images in place" in done.stdout
    assert containerd.images(namespace) == two.digests


def test_two_of_them_are_one_too_many(containerd, two):
    done = run_with({OWN: containerd.socket, K3S: containerd.socket}, "load", two.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"no --to given, and found containerd at {OWN}, containerd at {K3S}; give " in \
        done.stderr


def test_a_containerd_beside_docker_is_dockers(containerd, two):
    done = run_with({OWN: containerd.socket, "/run/docker.sock": containerd.socket},
                    "load", two.path)
    assert done.returncode == 1
    assert "/var/run/docker.sock" in done.stderr and OWN not in done.stderr


# Several platforms


def test_an_index_is_kept_whole(containerd, load, tmp_path):
    images = runnable.everywhere(ALL)
    path = runnable.pack(tmp_path / "all.tar.zst", *images)
    done = load(path, "whole")
    assert done.code == 0, done.err
    index = images[0].within.data
    assert containerd.images("whole") == {ALL: digest_of(index)}
    assert containerd.content("whole", digest_of(index)).encode() == index
    assert containerd.blobs("whole") >= {
        digest for each in images
        for digest in (each.digest, digest_of(each.config),
                       *(digest_of(layer.data) for layer in each.layers))}
    assert told(load(path, "whole", "--json"))[0]["sent"] == 0


def test_what_is_lost_of_another_platform_is_made_good(containerd, load, tmp_path):
    """ctr calls it complete: it looks at this machine's platform only."""
    images = runnable.everywhere(ALL)
    path = runnable.pack(tmp_path / "all.tar.zst", *images)
    assert load(path, "part").code == 0
    layer = digest_of(images[1].layers[1].data)
    containerd.ctr("part", "content", "rm", layer)
    assert containerd.ready("part") == [ALL]
    document, _ = told(load(path, "part", "--json"))
    assert document["sent"] == len(images[1].layers[1].data)
    assert layer in containerd.blobs("part")


def test_images_for_another_machine_are_refused(containerd, load, tmp_path):
    path = runnable.pack(tmp_path / "arm", runnable.app(APP, platform="linux/arm64/v8"))
    done = load(path, "arm")
    assert (done.code, done.out) == (4, "")
    assert "test/app:1 is for linux/arm64/v8, and this host is linux/amd64" in done.err
    assert containerd.images("arm") == {}
    assert load(path, "arm", "--any-host").code == 0
    assert list(containerd.images("arm")) == [APP]


# What goes wrong


def test_nothing_of_a_damaged_bundle_becomes_visible(containerd, two, load, tmp_path):
    """One bit of the last blob: all others have been sent by then."""
    data = bytearray(two.path.read_bytes())
    last = max(two.app.layers + two.db.layers, key=lambda each: data.find(each.data[-64:])).data
    data[data.find(last[-64:])] ^= 0x10
    path = tmp_path / "damaged"
    path.write_bytes(data)
    done = load(path, "damaged")
    assert done.code == 3, done.err
    assert f"ferry: {path}: blob {digest_of(last)}" in done.err
    assert containerd.images("damaged") == {}
    assert load(two.path, "damaged").code == 0
    assert containerd.images("damaged") == two.digests


def test_a_pipe_that_breaks(containerd, two):
    """ctr is at work by then, and gets no end."""
    data = two.path.read_bytes()
    command = [support.program(), "load", "-", "--to", "containerd:pipe"]
    for size, code in ((len(data) * 3 // 4, 1), (len(data), 0), (len(data), 0)):
        done = subprocess.run(command, input=data[:size], capture_output=True, check=False,
                              env=support.environment(containerd.settings))
        assert done.returncode == code, done.stderr
        assert containerd.images("pipe") == ({} if code else two.digests)
    assert b"2 of 2 images in place, 0 B sent" in done.stdout


def test_new_names(containerd, two, load):
    rewrite = ["--rewrite", "docker.io/test=reg.local:5000/x"]
    expected = {name.replace("docker.io/test", "reg.local:5000/x"): digest
                for name, digest in two.digests.items()}
    for _ in range(2):
        done = load(two.path, "named", *rewrite, "--json")
        assert done.code == 0, done.err
        assert containerd.images("named") == expected
    assert told(done)[0]["sent"] == 0


def test_no_containerd_there(two, ferry, tmp_path):
    socket = tmp_path / "c.sock"
    done = ferry("load", two.path, "--to", "containerd", env={"CONTAINERD_ADDRESS": socket})
    assert (done.returncode, done.stdout) == (1, "")
    assert f"ferry: containerd does not run: nobody listens at {socket}; start it, or name its " \
        "socket in CONTAINERD_ADDRESS\n" in done.stderr


@pytest.mark.parametrize("to, settings, message", [
    ("containerd:-n", {}, "'-n' is no namespace of containerd"),
    ("containerd:a/b", {}, "'a/b' is no namespace of containerd"),
    ("containerd", {"CONTAINERD_NAMESPACE": "--address=x"},
     "CONTAINERD_NAMESPACE: '--address=x' is no namespace of containerd"),
    ("containerd", {"CONTAINERD_ADDRESS": "tcp://127.0.0.1:1"}, "is no path of a socket"),
])
def test_what_is_no_place(two, ferry, to, settings, message):
    done = ferry("load", two.path, "--to", to, env=settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_socket_that_one_may_not_use(containerd, two):
    """As somebody else, who can reach the program, the bundle and the socket's folder."""
    folder = Path(tempfile.mkdtemp(prefix="ferry-nobody-", dir="/var/tmp"))
    mode = containerd.root.stat().st_mode
    try:
        program = Path(shutil.copy(support.program(), folder / "ferry"))
        path = Path(shutil.copy(two.path, folder / "bundle"))
        for each in (folder, program, path, containerd.root):
            os.chmod(each, 0o755)
        done = run_under(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"],
                         "load", path, "--to", "containerd", binary=program,
                         env=containerd.settings)
    finally:
        os.chmod(containerd.root, mode & 0o7777)
        shutil.rmtree(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"containerd at {containerd.socket}: no permission; it is root's: run ferry as root" \
        in done.stderr


@pytest.fixture(scope="module", name="large")
def large_fixture(source, tmp_path_factory):
    """A bundle that takes a moment: one of its layers has 24 MiB."""
    names = ["trap/big:1", "trap/small:1", "trap/small:2"]
    path = source.pack(tmp_path_factory.mktemp("large") / "large.tar.zst", *names)
    return SimpleNamespace(path=path, digests=source.digests(names))


def stopped_at(containerd, large, size):
    """ferry, stopped after `size` bytes or a few more have arrived."""
    before = containerd.arriving()
    process = subprocess.Popen(
        [support.program(), "load", large.path, "--to", "containerd:broken"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=support.environment(containerd.settings))
    wait_for(lambda: process.poll() is not None or
             (importers(containerd) and containerd.arriving() - before >= size), interval=0.001)
    process.send_signal(signal.SIGSTOP)
    return process


def finish(containerd, large):
    """The same command again does what is left."""
    done = support.run("load", large.path, "--to", "containerd:broken", env=containerd.settings)
    assert done.returncode == 0, done.stderr
    assert containerd.images("broken") == large.digests
    assert sorted(containerd.ready("broken")) == sorted(large.digests)


@pytest.mark.parametrize("share", range(10))
def test_containerd_dies(large, share):
    """At one of ten moments; it is started again, and not a name is there."""
    with Containerd() as containerd:
        process = stopped_at(containerd, large, share * 2 * MIB)
        containerd.process.kill()
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, err
        # Of a containerd that dies just when a blob begins, ctr takes no notice.
        assert "ferry: ctr ended with status 1: ctr: " in err or \
            "ferry: ctr: waits in vain: containerd does not run: " in err, err
        containerd.start()
        assert containerd.images("broken") == {}
        finish(containerd, large)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_ferry_is_ended_in_the_middle(large, number, code):
    """Not a name is there by then, and no ctr is left behind."""
    with Containerd() as containerd:
        process = stopped_at(containerd, large, 8 * MIB)
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        assert process.returncode == code
        wait_for(lambda: not importers(containerd))
        assert containerd.images("broken") == {}
        finish(containerd, large)


def importers(containerd):
    """The command lines of what imports into it just now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if line[0] == b"ctr" and str(containerd.socket).encode() in line and b"import" in line:
            found.append(line)
    return found


def test_a_full_disk(large):
    """In containerd's own words; with more room the same command ends well."""
    root = Path(tempfile.mkdtemp(prefix="ferry-full-", dir="/var/tmp"))
    run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", root)
    try:
        with Containerd(root / "c") as containerd:
            command = ["load", large.path, "--to", "containerd:full"]
            env = {**containerd.settings, "CONTAINERD_SNAPSHOTTER": "native"}
            done = support.run(*command, env=env)
            assert done.returncode == 1, done.stdout + done.stderr
            assert "no space left on device" in done.stderr
            assert containerd.images("full") == {}
            run("mount", "-o", "remount,size=400m", root)
            done = support.run(*command, env=env)
            assert done.returncode == 0, done.stderr
            assert containerd.images("full") == large.digests
    finally:
        run("umount", "-l", root)
        root.rmdir()
