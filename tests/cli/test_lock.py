"""pack --lock: a list with every digest pinned, which packs to the same bytes."""

import io
import json
import shutil
import tarfile

import pytest

from mishaps import assert_done, assert_failed, assert_refused, assert_told, told, unpack
from mishaps import bench_fixture  # noqa: F401

TYPE = "ferry.definition/v1"


def lock_path(bench):
    return bench.folder / "lock.json"


def pack_locked(bench, *images, options=(), **more):
    return bench.pack(*images, options=["--lock", lock_path(bench), *options], **more)


def read_lock(bench):
    return json.loads(lock_path(bench).read_text())


def repack(bench, options=()):
    """Packs the lock into another file; returns how it went, and that file."""
    again = bench.out / "again.tar.zst"
    return bench.run("pack", "-f", lock_path(bench), "-o", again, *options), again


def move_tag(bench, name, **image):
    """Lets the tag point to something new; the old image stays in the registry."""
    repo, _, tag = name.partition(":")
    bench.server.retag(repo, tag, bench.server.add_image(f"{repo}:moved", **image))


@pytest.mark.parametrize("index", [False, True])
def test_a_lock_packs_to_the_same_bytes(bench, index):
    """Whatever its tags have become meanwhile."""
    for name in ("app:1", "db:1"):
        bench.add(name, layers=[500, 700], index=index)
    assert_done(pack_locked(bench, "db:1", "app:1"))
    assert read_lock(bench) == {"type": TYPE, "images": [
        {"source": bench.name(name), "platforms": ["linux/amd64"],
         "digest": bench.images[name].root} for name in ("app:1", "db:1")]}
    move_tag(bench, "app:1", layers=[900])
    asked = bench.server.count("manifest tag")
    done, again = repack(bench)
    assert_done(done)
    assert bench.server.count("manifest tag") == asked
    assert again.read_bytes() == bench.bundle.read_bytes()


def test_a_lock_of_a_lock_is_the_same(bench):
    bench.add("app:1", platforms=["linux/amd64", "linux/arm64"], layers=[500])
    assert_done(pack_locked(bench, "app:1"))
    first = lock_path(bench).read_bytes()
    done, again = repack(bench, ["--lock", bench.folder / "lock2.json"])
    assert_done(done)
    assert (bench.folder / "lock2.json").read_bytes() == first
    assert again.read_bytes() == bench.bundle.read_bytes()
    assert first.endswith(b"}\n") and str(bench.folder).encode() not in first


def test_the_lock_decides_the_platform(bench):
    """What was locked for arm64 stays that, whatever is asked for."""
    bench.add("app:1", platforms=["linux/amd64", "linux/arm64"], layers=[500])
    assert_done(pack_locked(bench, "app:1", options=["--platform", "linux/arm64"]))
    assert read_lock(bench)["images"][0]["platforms"] == ["linux/arm64"]
    for platform in ("linux/amd64", "linux/arm64"):
        done, again = repack(bench, ["--platform", platform, "--force"])
        assert_done(done)
        assert again.read_bytes() == bench.bundle.read_bytes()


@pytest.mark.parametrize("platforms, locked", [
    (["linux/arm64", "linux/amd64"], ["linux/arm64", "linux/amd64"]),
    (["all"], "all"),
])
def test_several_platforms(bench, platforms, locked):
    """Pinned is what the registry has, not the index that ferry makes of it."""
    image = bench.add("app:1", platforms=["linux/amd64", "linux/arm64", "linux/s390x"],
                      layers=[500], attestations=True)
    asked = [word for platform in platforms for word in ("--platform", platform)]
    assert_done(pack_locked(bench, "app:1", options=asked))
    assert read_lock(bench)["images"] == [
        {"source": bench.name("app:1"), "platforms": locked, "digest": image.index}]
    move_tag(bench, "app:1", layers=[900])
    done, again = repack(bench)
    assert_done(done)
    assert again.read_bytes() == bench.bundle.read_bytes()


def test_names_and_title_are_kept(bench):
    """A definition's, and the names that images are carried under."""
    bench.add("app:1", layers=[500])
    definition = {"type": TYPE, "name": "ems", "version": "2.1", "platforms": ["linux/amd64"],
                  "images": [{"source": bench.name("app:1"), "as": "local.example/app:2"}]}
    path = bench.folder / "definition.json"
    path.write_text(json.dumps(definition))
    assert_done(bench.run("pack", "-f", path, "-o", bench.bundle, "--lock", lock_path(bench)))
    assert read_lock(bench) == {
        "type": TYPE, "name": "ems", "version": "2.1",
        "images": [{"source": bench.name("app:1"), "as": "local.example/app:2",
                    "platforms": ["linux/amd64"], "digest": bench.images["app:1"].root}]}
    done, again = repack(bench)
    assert_done(done)
    assert again.read_bytes() == bench.bundle.read_bytes()
    assert "local.example/app:2" in bench.run("list", again).stdout


def test_images_by_digest_alone(bench):
    """Their names are digests; those of index and image differ."""
    image = bench.add("app:1", platforms=["linux/amd64", "linux/arm64"], layers=[500])
    assert_done(pack_locked(bench, f"app@{image.index}"))
    assert read_lock(bench)["images"] == [
        {"source": bench.name(f"app@{image.index}"), "platforms": ["linux/amd64"],
         "digest": image.index}]
    done, again = repack(bench)
    assert_done(done)
    assert again.read_bytes() == bench.bundle.read_bytes()


def test_a_pack_out_of_a_bundle(bench):
    """The bundle is asked for what it was pinned to, and for nothing else."""
    for name in ("app:1", "db:1"):
        bench.add(name, layers=[500], index=True)
    assert_done(bench.pack("app:1", "db:1"))
    source = bench.out / "source.tar.zst"
    bench.bundle.rename(source)
    assert_done(bench.run("pack", f"bundle:{source}", "-o", bench.bundle,
                          "--lock", lock_path(bench)))
    assert [(image["source"], image["as"]) for image in read_lock(bench)["images"]] == [
        (f"bundle:{source}:{bench.name(name)}", bench.name(name)) for name in ("app:1", "db:1")]
    done, again = repack(bench)
    assert_done(done)
    assert again.read_bytes() == bench.bundle.read_bytes()


def write_archive(bench, path):
    """self.bundle as a plain tar, which is an OCI archive and Docker's as well."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in unpack(bench.bundle).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def write_place(bench, transport):
    """What was packed last, as an origin of that transport names it."""
    path = bench.folder / transport
    write_archive(bench, path if transport != "oci" else bench.folder / "tar")
    if transport == "oci":
        shutil.rmtree(path, ignore_errors=True)
        with tarfile.open(bench.folder / "tar") as tar:
            tar.extractall(path)
    return f"{transport}:{path}"


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_origins_that_are_no_registry(bench, transport):
    """Their images are pinned by name; with others in their place it is refused."""
    for name in ("app:1", "db:1"):
        bench.add(name, layers=[500])
    assert_done(bench.pack("app:1", "db:1"))
    origin = write_place(bench, transport)
    bench.bundle.unlink()
    assert_done(bench.run("pack", origin, "-o", bench.bundle, "--lock", lock_path(bench)))
    locked = read_lock(bench)["images"]
    assert [image["as"] for image in locked] == [bench.name("app:1"), bench.name("db:1")]
    assert all(image["source"].startswith(f"{origin}:") for image in locked)
    done, again = repack(bench)
    assert_done(done)
    assert again.read_bytes() == bench.bundle.read_bytes()

    again.unlink()
    bench.add("app:1", layers=[900])
    assert_done(bench.pack("app:1", "db:1", options=["--force"]))
    assert write_place(bench, transport) == origin
    bench.bundle.unlink()
    done, _ = repack(bench)
    assert_failed(bench, done, "1 of 2 images cannot be packed")
    refusal, = [line for line in done.stderr.splitlines() if "app:1: " in line]
    assert f"{locked[0]['digest']}, which it is pinned to, is not there any more; now " in refusal
    assert refusal.endswith(": pack the list again to make a new lock")


def test_a_dry_run_locks_what_it_saw(bench):
    bench.add("app:1", layers=[500])
    done = pack_locked(bench, "app:1", options=["--dry-run"])
    assert_done(done)
    assert f"{lock_path(bench)}: every digest pinned" in done.stdout
    assert bench.left() == []
    assert read_lock(bench)["images"][0]["digest"] == bench.images["app:1"].root
    done, again = repack(bench)
    assert_done(done)
    assert_done(bench.pack("app:1"))
    assert again.read_bytes() == bench.bundle.read_bytes()


def test_a_pin_that_has_gone(bench):
    """The refusal names the image, the digest, and what its tag has become."""
    old = bench.add("app:1", layers=[500], index=True)
    bench.add("db:1", layers=[500])
    assert_done(pack_locked(bench, "app:1", "db:1", options=["--dry-run"]))
    move_tag(bench, "app:1", layers=[900])
    bench.server.forget(old.root)
    new = bench.server.store.repo("app").tags["1"]
    done, _ = repack(bench)
    assert_refused(bench, done, {"app:1": [
        f"the registry no longer has {old.root}, which it is pinned to; "
        f"{bench.name('app:1')} is {new} there now: pack the list again to make a new lock",
    ]}, total=2)


def test_a_pin_that_has_gone_with_its_tag(bench):
    old = bench.add("app:1", layers=[500])
    assert_done(pack_locked(bench, "app:1", options=["--dry-run"]))
    bench.server.forget(old.root)
    done, _ = repack(bench)
    assert_refused(bench, done, {"app:1": [
        f"pinned to {old.root}: ", "does not have it",
        f"; nor is there any {bench.name('app:1')}"]})


def test_a_lock_is_not_overwritten(bench):
    """Nobody is asked anything before that is clear; --force does it."""
    bench.add("app:1", layers=[500])
    lock_path(bench).write_text("mine\n")
    done = pack_locked(bench, "app:1")
    assert_failed(bench, done, f"{lock_path(bench)} exists; --force replaces it")
    assert bench.server.requests == []
    assert lock_path(bench).read_text() == "mine\n"
    assert_done(pack_locked(bench, "app:1", options=["--force"]))
    assert read_lock(bench)["type"] == TYPE


@pytest.mark.parametrize("suffix", ["", ".partial", ".journal", ".partial.old", ".journal.old"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_lock_is_not_where_the_bundle_is_made(bench, suffix, turned):
    """However its folder is written."""
    bundle = bench.out / "x"
    lock = f"{bench.out}/../out/x{suffix}"
    bundle, lock = (lock, bundle) if turned else (bundle, lock)
    done = bench.run("pack", bench.name("app:1"), "-o", bundle, "--lock", lock, "--force")
    assert done.returncode == 2
    assert f"--lock {lock}: the bundle {bundle}, or what stands beside it" in done.stderr
    assert bench.server.requests == []
    assert bench.left() == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_no_lock_of_what_cannot_be_packed(bench, dry_run):
    bench.add("app:1", layers=[500])
    done = pack_locked(bench, "app:1", "no:1", options=["--dry-run"] if dry_run else [])
    assert_told(done, 1, "1 of 2 images cannot be packed")
    assert not lock_path(bench).exists(), told(done)


def test_no_lock_without_its_bundle(bench):
    """A blob that is missing shows when the lock has been begun."""
    image = bench.add("app:1", layers=[500])
    bench.server.forget(image.layers[0].digest)
    done = pack_locked(bench, "app:1")
    assert_failed(bench, done, image.layers[0].digest)
    assert sorted(path.name for path in bench.folder.iterdir()) == ["out"]


def test_a_lock_where_no_file_can_be(bench):
    bench.add("app:1", layers=[500])
    done = bench.pack("app:1", options=["--lock", bench.folder / "none" / "lock.json"])
    assert_failed(bench, done, f"the folder {bench.folder}/none does not exist")
    assert bench.server.requests == []


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_json_names_the_lock(bench, options):
    """Null, as "since" is, until there is one."""
    bench.add("app:1", layers=[500])
    done = pack_locked(bench, "app:1", "no:1", options=["--json", *options])
    assert (json.loads(done.stdout)["lock"], json.loads(done.stdout)["since"]) == (None, None)
    done = pack_locked(bench, "app:1", options=["--json", *options])
    assert json.loads(done.stdout)["lock"] == str(lock_path(bench))


def test_bundles_that_share_an_image_are_merged(bench):
    """Last month's and this month's: what is the same in both is carried once."""
    bench.add("same:1", layers=[3000])
    bench.add("app:1", layers=[500])
    bench.add("db:1", layers=[700])
    bundles = []
    for other in ("app:1", "db:1"):
        assert_done(bench.pack("same:1", other))
        bundles.append(bench.bundle.rename(bench.bundle.with_name(other[:-2])))
    assert_done(bench.run("pack", *(f"bundle:{path}" for path in bundles), "-o", bench.bundle))
    merged = bench.bundle.rename(bench.bundle.with_name("merged"))
    assert_done(bench.pack("same:1", "app:1", "db:1"))
    assert merged.read_bytes() == bench.bundle.read_bytes()
    bench.add("same:1", layers=[3001])
    assert_done(bench.pack("same:1", "db:1", options=["--force"]))
    done = bench.run("pack", f"bundle:{merged}", f"bundle:{bench.bundle}", "-o", bench.folder / "no")
    assert done.returncode == 2
    assert "same:1 is asked for from two places" in done.stderr
