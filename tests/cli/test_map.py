"""ferry map: files that ask for images, with the names of the other side."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ferry import program
from mishaps import Bench, FaultyRegistry, assert_done, told

BOTH = ["linux/amd64", "linux/arm64"]
TO = "10.0.0.5:5000/plant"


@pytest.fixture(scope="module", name="packed")
def packed_fixture(tmp_path_factory):
    """A bundle: one platform of an index, an image, an index with both, one by digest alone."""
    with FaultyRegistry(seed="map") as server:
        bench = Bench(server, tmp_path_factory.mktemp("map"))
        redis = bench.add("redis:7", layers=[500], platforms=BOTH)
        bench.add("nginx:1.27", layers=[400])
        multi = bench.add("multi:1", layers=[300], platforms=BOTH)
        only = bench.add("only:1", layers=[200], platforms=BOTH)
        bench.part = bench.add("part:1", layers=[300], platforms=[*BOTH, "linux/s390x"])
        local = f"{server.host}/only@{only.index}"
        assert_done(bench.pack(options=[
            f"{bench.name('redis:7')} => redis:7", f"{bench.name('nginx:1.27')} => nginx:1.27",
            f"{bench.name('multi:1')} all => quay.io/team/multi:1", local,
            f"{bench.name('part:1')} {','.join(BOTH)} => part:1"]))
        listed = json.loads(bench.run("list", bench.bundle, "--json").stdout)["images"]
        bench.part_index = {image["within"] for image in listed if image["name"] == "part:1"}.pop()
        bench.redis, bench.multi, bench.only, bench.local = redis, multi, only, local
        yield bench


@pytest.fixture(name="bench")
def bench_fixture(packed, tmp_path):
    packed.here = tmp_path
    yield packed


def run_map(bench, text, *options, to=TO, **more):
    """Nobody is asked for anything."""
    before = len(bench.server.requests)
    done = bench.run("map", bench.bundle, "--to", to, *options, "-", input=text, cwd=bench.here, **more)
    assert len(bench.server.requests) == before
    return done


def pod(image):
    return f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: c  # {image}\n    image: {image}\n"


@pytest.mark.parametrize("make", [pod, "services: {{a: {{image: '{}'}}}}  # x\n".format, "  {}  # x\n".format],
                         ids=["kubernetes", "compose", "text"])
def test_names_and_pins(bench, make):
    """Of all but images, every byte stays."""
    rows = {
        "redis:7": f"{TO}/redis:7",
        "docker.io/library/redis:7": f"{TO}/redis:7",
        f"redis:7@{bench.redis.index}": f"{TO}/redis:7@{bench.redis.manifest}",
        f"redis@{bench.redis.index}": f"{TO}/redis@{bench.redis.manifest}",
        f"redis@{bench.redis.manifest}": f"{TO}/redis@{bench.redis.manifest}",
        f"redis:8@{bench.redis.index}": f"{TO}/redis@{bench.redis.manifest}",
        f"quay.io/team/multi:1@{bench.multi.index}": f"{TO}/q/multi:1@{bench.multi.index}",
        f"quay.io/team/multi@{bench.multi.manifest}": f"{TO}/q/multi@{bench.multi.manifest}",
        bench.local: f"{TO}/only@{bench.only.manifest}",
        f"part:1@{bench.part.index}": f"{TO}/part:1@{bench.part_index}",
    }
    for asked, there in rows.items():
        text = make("IMAGE").replace("IMAGE", asked)
        done = run_map(bench, text, "--rewrite", "quay.io/team=q")
        assert_done(done)
        head, _, tail = text.rpartition(asked)
        assert done.stdout == head + there + tail
        again = run_map(bench, done.stdout, "--rewrite", "quay.io/team=q")
        assert (again.returncode, again.stdout) == (0, done.stdout), told(again)
        assert ("pinned to what is there of that index, sha256:" in done.stderr) == (
            asked.endswith((bench.redis.index, bench.only.index, bench.part.index)))


def test_in_a_runtime_a_tag_is_asked_for(bench):
    text = f"redis:7\nredis:7@{bench.redis.index}\n{bench.local}\n"
    done = run_map(bench, text, to="docker")
    assert done.returncode == 5, told(done)
    assert done.stdout == f"redis:7\nredis:7\n{bench.local}\n"
    assert "asked for by its tag: a runtime need not have the digest to ask by" in done.stderr
    rule = f"--rewrite {bench.server.host}/only@{bench.only.manifest}="
    assert f"there it has an ID and no name; give it one with {rule}NAME:TAG" in done.stderr
    done = run_map(bench, text, *f"{rule}team/only:1".split(), to="docker")
    assert_done(done)
    assert done.stdout == "redis:7\nredis:7\nteam/only:1\n"


def test_what_is_not_in_the_bundle_is_left_and_told(bench):
    text = "services:\n  a: {image: redis}\n  b: {image: 'nginx:1.27'}\n  c: {image: " \
           f"redis:7@sha256:{'0' * 64}" + "}\n"
    done = run_map(bench, text)
    assert done.returncode == 5, told(done)
    assert done.stdout == text.replace("nginx:1.27", f"{TO}/nginx:1.27")
    assert "standard input: line 2: redis:latest: not in the bundle, left as before\n" in done.stderr
    assert f"line 4: redis:7@sha256:{'0' * 64}: not in the bundle, left as before; it holds that " \
           f"with another digest, {bench.redis.index}\n" in done.stderr
    assert "ferry: 2 of 3 images in standard input" in done.stderr
    quiet = run_map(bench, text, "--quiet")
    assert (quiet.returncode, quiet.stdout) == (5, done.stdout)
    assert quiet.stderr.splitlines() == done.stderr.splitlines()[-1:]


def test_a_full_disk_is_told_besides(bench):
    """Half a file is worse than names that are not there: the status is not that of these."""
    done = bench.run("map", bench.bundle, "--to", TO, "-", input="redis:7\nbusybox\n")
    assert done.returncode == 5
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program(), "map", bench.bundle, "--to", TO, "-"], stdout=full,
                              input="redis:7\nbusybox\n", stderr=subprocess.PIPE, text=True,
                              check=False)
    assert done.returncode == 1
    assert "not in the bundle" in done.stderr
    assert done.stderr.endswith("ferry: standard output: No space left on device\n")


def test_json(bench):
    text = f"redis@{bench.redis.index}\nbusybox\n"
    done = run_map(bench, text, "--json", "--rewrite", "x=y")
    assert done.returncode == 5, told(done)
    document = json.loads(done.stdout)
    assert document["error"]["code"] == "partial"
    assert (document["file"], document["format"]) == ("-", "text")
    assert document["content"] == f"{TO}/redis@{bench.redis.manifest}\nbusybox\n"
    assert [(image["line"], image["target"], image["state"]) for image in document["images"]] == [
        (1, f"{TO}/redis@{bench.redis.manifest}", "mapped"), (2, None, "missing")]
    assert document["warnings"] == ["--rewrite x=y matches no image"]


def test_variables(bench):
    (bench.here / ".env").write_text("TAG=7\n")
    text = "services:\n  a:\n    image: ${REG:-docker.io/library}/redis:${TAG}  # $X\n"
    done = run_map(bench, text)
    assert_done(done)
    assert done.stdout == f"services:\n  a:\n    image: {TO}/redis:7  # $X\n"
    assert "line 3: redis:7: its variables are put in" in done.stderr
    (bench.here / "o.env").write_text("TAG=9\n")
    other = run_map(bench, text, "--env-file", "o.env")
    assert (other.returncode, other.stdout) == (5, text), told(other)


def test_a_file_in_another_folder(bench):
    folder = bench.here / "deep"
    folder.mkdir()
    (folder / ".env").write_text("TAG=7\n")
    path = folder / "compose.yaml"
    path.write_bytes(b"\xef\xbb\xbfinclude: [other.yaml]\r\nservices: {a: {image: 'redis:$TAG'}}\r\n")
    done = subprocess.run([program(), "map", bench.bundle, "--to", TO, path], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == path.read_bytes().replace(b"redis:$TAG", f"{TO}/redis:7".encode())
    assert b"includes or extends other files: map these too" in done.stderr


@pytest.mark.parametrize("text, options, status, words", [
    ("", [], 2, ["standard input: it names no image"]),
    ("# x\n", [], 2, ["it names no image"]),
    ('{"type": "ferry.definition/v1", "images": []}', [], 2, ["a definition says what to pack"]),
    ("services: {a: {image: 'A'}}", [], 2, ["service 'a': line 1: 'A' is no image reference"]),
    ("redis:7", ["--rewrite", "nginx=redis", "--rewrite", "nginx:1.27=redis:7"], 2,
     ["would both be called 10.0.0.5:5000/plant/redis:7 (--rewrite nginx:1.27=redis:7)"]),
    ("redis:7", ["--rewrite", "redis="], 2, ["no name is left"]),
    ("redis:7", ["--list-format", "compose"], 2, ["standard input"]),
])
def test_what_is_refused(bench, text, options, status, words):
    done = run_map(bench, text, *options)
    assert (done.returncode, done.stdout) == (status, ""), told(done)
    for word in words:
        assert word in done.stderr


def test_the_command_line(bench):
    assert "no FILE given" in bench.run("map", bench.bundle, "--to", TO).stderr
    assert "'--to" in bench.run("map", bench.bundle, "x").stderr
    assert bench.run("map", bench.bundle, "--to", "x", "-", input="redis:7").returncode == 2
    missing = bench.run("map", bench.bundle, "--to", TO, "nowhere.yaml")
    assert (missing.returncode, missing.stdout) == (1, "")
    damaged = bench.here / "x.tar.zst"
    shutil.copy(bench.bundle, damaged)
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert bench.run("map", damaged, "--to", TO, "-", input="redis:7").returncode == 3


def test_the_mapped_names_are_those_of_load(bench):
    """What map writes is what load has put there."""
    with FaultyRegistry(seed="there") as there:
        rules = ["--rewrite", "quay.io/team=q", "--rewrite", f"{bench.server.host}/only@{bench.only.manifest}=only:1"]
        to = there.host + "/plant"
        assert_done(bench.run("load", bench.bundle, "--to", to, "--any-host", *rules))
        text = f"redis:7\nnginx:1.27\nquay.io/team/multi:1\n{bench.local}\n"
        done = run_map(bench, text, *rules, to=to)
        assert_done(done)
        for line in done.stdout.split():
            repository, _, version = line.removeprefix(there.host + "/").partition("@")
            repository, _, tag = repository.partition(":")
            assert there.store.find_manifest(repository, version or tag), line


MANIFESTS = sorted((Path(__file__).resolve().parents[1] / "data" / "kubernetes").glob("*.yaml"))


def asked_for(bench, text):
    """The images of manifests, as pack reads them: no registry answers, so each is refused by name."""
    done = bench.run("pack", "-f", "-", "-o", bench.here / "x", "--dry-run", "--json", "--retries", 0,
                     input=text, env={name: "http://127.0.0.1:1" for name in ("https_proxy", "HTTPS_PROXY")})
    return {image["name"] for image in json.loads(done.stdout)["images"]}


@pytest.mark.parametrize("as_json", [False, True], ids=["yaml", "json"])
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_of_helm_kubectl_and_kustomize(bench, path, as_json):
    """Read again by ferry's own reader, and by another YAML parser, they say the new names."""
    text = path.read_text()
    if as_json:
        items = [document for document in yaml.safe_load_all(text) if document]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
    before = asked_for(bench, text)
    bundle = bench.here / "k.tar.zst"
    names = [image for image in before if "@" not in image]
    assert_done(bench.run("pack", "-o", bundle, "--retries", 0,
                          *[f"{bench.name('nginx:1.27')} => {name}" for name in names]))
    done = bench.run("map", bundle, "--to", TO, "--rewrite", "docker.io=hub", "-", input=text)
    assert done.returncode == (0 if len(names) == len(before) else 5), told(done)
    after = asked_for(bench, done.stdout)
    assert {name for name in after if "@" not in name} == {
        image["target_name"] for image in json.loads(bench.run(
            "load", bundle, "--to", bench.server.host + "/plant", "--rewrite", "docker.io=hub",
            "--any-host", "--dry-run", "--json").stdout.replace(bench.server.host, "10.0.0.5:5000"))["images"]}
    old, new = list(yaml.safe_load_all(text)), list(yaml.safe_load_all(done.stdout))
    assert {new_text for _, new_text in differences(old, new)} == {name for name in after if "@" not in name}
    changed = [(one, other) for one, other in zip(text.splitlines(), done.stdout.splitlines()) if one != other]
    assert changed and all("image" in one or "reference" in one for one, _ in changed)


def differences(one, other):
    """The texts that differ between two documents of the same shape."""
    if isinstance(one, dict):
        assert list(one) == list(other)
        return set().union(*(differences(one[key], other[key]) for key in one))
    if isinstance(one, list):
        assert len(one) == len(other)
        return set().union(*(differences(*pair) for pair in zip(one, other)))
    return set() if one == other else {(one, other)}
