"""Images out of archives and layouts: which one a name means, and what comes of it."""

import gzip
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from archives import (Image, Member, digest_of, docker_1x, docker_25, find, layer,  # noqa: E402
                      oci, tar, to_json, unpack)
from ferry import environment, program, run  # noqa: E402
from mishaps import is_sanitized  # noqa: E402

A, B, C = layer("a"), layer("b"), layer("c")
APP = Image("docker.io/library/app:1", [A, B])
WEB = Image("docker.io/acme/web:2", [A, C])
ARM = Image("docker.io/library/app:1", [A, B], architecture="arm64")


def zstd(data):
    """By Debian's zstd."""
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    """write(members, name) -> the path of that archive."""
    def write(members, name="archive.tar", pack=bytes):
        path = tmp_path / name
        path.write_bytes(pack(tar(members)))
        return path
    return write


@pytest.fixture(name="pack")
def pack_fixture(tmp_path):
    """pack(*arguments) -> the bundle's bytes and {name: manifest digest}."""
    def pack(*arguments, status=0):
        bundle = tmp_path / "bundle.tar.zst"
        done = run("pack", *arguments, "-o", bundle, "--force", "--quiet")
        assert done.returncode == status, done.stderr
        if status:
            return done.stderr
        assert run("verify", bundle).returncode == 0
        told = json.loads(run("list", bundle, "--json").stdout)
        return bundle.read_bytes(), {image["name"]: image["digest"] for image in told["images"]}
    return pack


@pytest.mark.parametrize("form", [bytes, gzip.compress, zstd])
@pytest.mark.parametrize("transport, make", [
    ("docker-archive", docker_1x), ("docker-archive", docker_25), ("oci-archive", oci),
    ("oci-archive", docker_25)])
def test_all_forms_make_one_bundle(write, pack, transport, make, form):
    """Old Docker, new Docker, OCI; plain, gzip, zstd: the same images, the same bytes."""
    wanted, _ = pack(f"oci-archive:{write(oci(APP, WEB), 'reference.tar')}")
    bundle, digests = pack(f"{transport}:{write(make(APP, WEB), pack=form)}")
    assert digests == {"app:1": digest_of(APP.manifest), "acme/web:2": digest_of(WEB.manifest)}
    assert bundle == wanted


def test_members_may_have_any_letters(write, pack):
    """Of an alphabet that the locale lacks; ferry never asks for one."""
    members = docker_1x(APP)
    manifest = find(members, "manifest.json")
    told = json.loads(manifest.data)
    find(members, told[0]["Layers"][0]).name = told[0]["Layers"][0] = "größe/слой.tar"
    manifest.data = to_json(told)
    _, digests = pack(f"docker-archive:{write(members)}")
    assert digests == {"app:1": digest_of(APP.manifest)}


def test_a_folder_is_as_good(write, pack, tmp_path):
    """oci: of the unpacked archive."""
    folder = unpack(oci(APP, WEB), tmp_path / "layout")
    wanted, _ = pack(f"oci-archive:{write(oci(APP, WEB))}")
    assert pack(f"oci:{folder}")[0] == wanted
    (tmp_path / "link").symlink_to(folder)
    assert pack(f"oci:{tmp_path / 'link'}")[0] == wanted


@pytest.mark.parametrize("selector", [
    "app:1", "docker.io/library/app:1", "docker.io/app:1", "1", digest_of(APP.manifest),
    f"app:1@{digest_of(APP.manifest)}"])
def test_layout_selectors(write, pack, selector):
    """By containerd's name, in full or not, by OCI's tag, and by digest."""
    _, digests = pack(f"oci-archive:{write(oci(APP, WEB))}:{selector}")
    assert digests == {"app:1": digest_of(APP.manifest)}


@pytest.mark.parametrize("selector", [
    "acme/web:2", "docker.io/acme/web:2", digest_of(WEB.config), digest_of(WEB.config)[7:],
    digest_of(WEB.config)[7:19]])
@pytest.mark.parametrize("make", [docker_1x, docker_25])
def test_saved_selectors(write, pack, make, selector):
    """By name and by image ID, in full and short."""
    _, digests = pack(f"docker-archive:{write(make(APP, WEB))}:{selector}")
    assert digests == {"acme/web:2": digest_of(WEB.manifest)}


@pytest.mark.parametrize("transport, make", [("oci-archive", oci), ("docker-archive", docker_1x)])
def test_what_is_not_there(write, pack, transport, make):
    """The names that there are instead are listed."""
    text = pack(f"{transport}:{write(make(APP, WEB))}:app:2", status=1)
    assert "app:2 is not in it; it has " in text and "acme/web:2" in text


@pytest.mark.parametrize("transport, make", [("oci-archive", oci), ("docker-archive", docker_1x)])
def test_wrong_platform(write, pack, transport, make):
    """Status 4 and the platform that there is."""
    text = pack(f"{transport}:{write(make(ARM))}", status=4)
    assert "no linux/amd64; it has linux/arm64" in text


def renamed(members, annotations):
    """An OCI layout whose images have these annotations instead."""
    index = json.loads(find(members, "index.json").data)
    for entry, names in zip(index["manifests"], annotations):
        entry["annotations"] = names
    find(members, "index.json").data = to_json(index)
    return members


REF = "org.opencontainers.image.ref.name"


def test_a_tag_is_no_full_name(write, pack):
    """It selects, but a name has to be given."""
    path = write(renamed(oci(APP, WEB), [{REF: "1.0"}, {REF: "2.0"}]))
    for origin in (f"oci-archive:{path}", f"oci-archive:{path}:1.0"):
        text = pack(origin, status=2 if origin.endswith("tar") else 1)
        assert "'1.0' is no full name" in text and "=> NAME" in text
    _, digests = pack(f"oci-archive:{path}:1.0 => app:1")
    assert digests == {"app:1": digest_of(APP.manifest)}


def test_one_without_a_name(write, pack):
    """The only image needs no selector, but a name."""
    path = write(renamed(oci(APP), [{}]))
    assert "=> NAME" in pack(f"oci-archive:{path}", status=2)
    assert pack(f"oci-archive:{path} => x:1")[1] == {"x:1": digest_of(APP.manifest)}
    saved = docker_1x(APP)
    entries = json.loads(find(saved, "manifest.json").data)
    entries[0]["RepoTags"] = None
    find(saved, "manifest.json").data = to_json(entries)
    path = write(saved)
    assert "=> NAME" in pack(f"docker-archive:{path}", status=2)
    assert pack(f"docker-archive:{path} => x:1")[1] == {"x:1": digest_of(APP.manifest)}


def test_one_name_for_several_images(write, pack):
    """All under one name is senseless."""
    text = pack(f"oci-archive:{write(oci(APP, WEB))} => x:1", status=2)
    assert "it holds 2 images, which cannot have one name; say which one is meant" in text


def flat(members):
    """Two images of one name, each with its platform, beside each other."""
    index = json.loads(find(members, "index.json").data)
    for entry, architecture in zip(index["manifests"], ("amd64", "arm64")):
        entry["platform"] = {"os": "linux", "architecture": architecture}
    find(members, "index.json").data = to_json(index)
    return members


def test_the_platform_decides(write, pack):
    """Among several entries of one name."""
    path = write(flat(oci(APP, ARM)))
    assert pack(f"oci-archive:{path}")[1] == {"app:1": digest_of(APP.manifest)}
    assert pack(f"oci-archive:{path}", "--platform", "linux/arm64")[1] == {
        "app:1": digest_of(ARM.manifest)}


def test_two_names_for_one_image(write, pack):
    """Are two images in the bundle, which share everything."""
    saved = docker_1x(APP)
    entries = json.loads(find(saved, "manifest.json").data)
    entries[0]["RepoTags"] = ["app:1", "app:latest"]
    find(saved, "manifest.json").data = to_json(entries)
    _, digests = pack(f"docker-archive:{write(saved)}")
    assert digests == dict.fromkeys(["app:1", "app:latest"], digest_of(APP.manifest))


def test_a_tag_that_looks_like_an_id(write, pack):
    """Tag and ID select the same images: each counts once."""
    saved = docker_1x(APP)
    entries = json.loads(find(saved, "manifest.json").data)
    name = f"sha256:{entries[0]['Config'].removesuffix('.json')}"
    entries[0]["RepoTags"] = [name]
    find(saved, "manifest.json").data = to_json(entries * 5000)
    _, digests = pack(f"docker-archive:{write(saved)}")
    assert digests == {name: digest_of(APP.manifest)}


def test_compressed_layers_keep_their_bytes(write, pack):
    """Whatever their name says; their digests are those of a registry."""
    packed = Image(APP.name, APP.layers, packed=True)
    saved = docker_1x(APP)
    for member in saved:
        if member.name.endswith("/layer.tar"):
            member.data = packed.blobs[APP.layers.index(member.data)]
    _, digests = pack(f"docker-archive:{write(saved)}")
    assert digests == {"app:1": digest_of(packed.manifest)}
    assert pack(f"docker-archive:{write(docker_25(packed))}")[1] == digests


def test_a_pin_behind_the_name(write, pack):
    """It is that digest or nothing."""
    path = write(oci(APP, WEB))
    wrong = digest_of(WEB.manifest)
    text = pack(f"oci-archive:{path}:app:1@{wrong}", status=1)
    assert f"{wrong}, which it is pinned to, is not there any more" in text
    assert f"now it is {digest_of(APP.manifest)}" in text


def test_several_sources_of_a_blob(write, pack, tmp_path):
    """What one has lost another may have."""
    folder = unpack(oci(APP), tmp_path / "layout")
    (folder / "blobs/sha256" / digest_of(A)[7:]).unlink()
    text = pack(f"oci:{folder}", status=1)
    assert "it is not there" in text
    _, digests = pack(f"oci:{folder}", f"docker-archive:{write(docker_1x(WEB))}")
    assert digests == {"app:1": digest_of(APP.manifest), "acme/web:2": digest_of(WEB.manifest)}


def test_bundles_merge_and_part(write, pack, tmp_path):
    """As if packed at once, and as if packed alone, to the byte."""
    app, web = write(oci(APP), "app.tar"), write(docker_1x(WEB), "web.tar")
    both, _ = pack(f"oci-archive:{app}", f"docker-archive:{web}")
    for name, origin in (("one", f"oci-archive:{app}"), ("two", f"docker-archive:{web}")):
        (tmp_path / name).write_bytes(pack(origin)[0])
    merged, _ = pack(f"bundle:{tmp_path / 'one'}", f"bundle:{tmp_path / 'two'}")
    assert merged == both
    (tmp_path / "both").write_bytes(both)
    assert pack(f"bundle:{tmp_path / 'both'}:acme/web:2")[0] == (tmp_path / "two").read_bytes()
    text = pack(f"bundle:{tmp_path / 'both'}:app:1@{digest_of(WEB.manifest)}", status=1)
    assert "which it is pinned to, is not there any more" in text
    text = pack(f"bundle:{tmp_path / 'both'}", "--platform", "linux/s390x", status=4)
    assert "no linux/s390x; it has linux/amd64" in text


def test_output_is_no_source(write, tmp_path):
    """Neither under its name nor under another."""
    path = write(docker_1x(APP))
    before = path.read_bytes()
    (tmp_path / "hard").hardlink_to(path)
    for output in (path, tmp_path / "hard"):
        done = run("pack", f"docker-archive:{path}", "-o", output, "--force")
        assert done.returncode == 2, done.stderr
        assert "is read and written at once; write under another name" in done.stderr
        assert path.read_bytes() == before


def test_layers_in_another_order(write, pack):
    """A bundle wants the lowest first, a compressed archive has them as they come."""
    image = Image("docker.io/library/many:1", [layer(f"layer{i}", 9000) for i in range(12)])
    wanted, _ = pack(f"docker-archive:{write(docker_1x(image), 'plain.tar')}")
    members = docker_1x(image)
    assert pack(f"docker-archive:{write(members[::-1], pack=gzip.compress)}")[0] == wanted
    assert pack(f"docker-archive:{write([Member('extra', b'?'), *members])}")[0] == wanted


def test_many_jobs_compress_in_little_memory(write, tmp_path):
    """Plain layers are compressed one after the other: no thread keeps what it had for that."""
    source = random.Random(7)
    big = Image("docker.io/library/big:1", [source.randbytes(8 << 20) for _ in range(12)])
    command = [program(), "pack", f"docker-archive:{write(docker_1x(big))}", "--jobs", "8",
               "--quiet", "-o", tmp_path / "big.tar.zst"]
    most = 0
    with subprocess.Popen([str(word) for word in command], env=environment()) as child:
        while child.poll() is None:
            # Before its exec() it is Python still; what wait4() tells has that in it.
            told = Path(f"/proc/{child.pid}/status").read_text()
            if told.startswith("Name:\tferry\n"):
                most = max([most, *map(int, re.findall(r"VmHWM:\s+(\d+) kB", told))])
            time.sleep(0.005)
    assert child.returncode == 0
    assert is_sanitized() or 0 < most < 64 * 1024
