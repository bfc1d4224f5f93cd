"""What changes from one release to the next: diff, and pack --since."""

import json

import pytest

from mishaps import assert_done, assert_told
from mishaps import bench_fixture  # noqa: F401

WORDS = "images: 1 changed, 1 added, 1 removed, 1 unchanged"


@pytest.fixture(name="releases")
def releases_fixture(bench):
    """Yesterday's bundle, with today's images in the registry: a bench, OLD, today's names."""
    base = bench.add("same:1", layers=[5000])
    bench.add("moved:1", layers=[base.layers[0], 3000])
    bench.add("gone:1", layers=[700])
    assert_done(bench.pack("same:1", "moved:1", "gone:1"))
    old = bench.bundle.with_name("old.tar.zst")
    bench.bundle.rename(old)
    bench.add("moved:1", layers=[base.layers[0], 4000])
    bench.add("new:1", layers=[base.layers[0], 900])
    return bench, old, ["same:1", "moved:1", "new:1"]


def assert_usage(done, words):
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("ferry: " + words)


def changes(document):
    return {image["name"].rpartition("/")[2]: image["change"] for image in document["images"]}


EXPECTED = {"gone:1": "removed", "moved:1": "changed", "new:1": "added", "same:1": "unchanged"}


def assert_document(document, bench):
    assert changes(document) == EXPECTED
    rows = {image["name"].rpartition("/")[2]: image for image in document["images"]}
    assert rows["moved:1"]["new_digest"] == bench.images["moved:1"].manifest
    assert rows["moved:1"]["old_digest"] not in (None, bench.images["moved:1"].manifest)
    assert rows["gone:1"]["new_digest"] is None and rows["gone:1"]["new_bytes"] == 0
    assert rows["new:1"]["old_digest"] is None
    assert rows["same:1"]["new_bytes"] == 0
    assert 900 < rows["new:1"]["new_bytes"] < rows["new:1"]["size"] - 5000 + 1
    blobs = document["blobs"]
    # A manifest, a config and a layer each of what moved and what is new; all of what is gone.
    assert (blobs["new"]["count"], blobs["gone"]["count"], blobs["kept"]["count"]) == (6, 6, 3)
    assert blobs["new"]["bytes"] == rows["moved:1"]["new_bytes"] + rows["new:1"]["new_bytes"]


def test_two_bundles(releases):
    bench, old, names = releases
    assert_done(bench.pack(*names))
    before = len(bench.server.requests)
    done = bench.run("diff", old, bench.bundle)
    assert_done(done)
    assert WORDS in done.stdout and "same:1" not in done.stdout
    for name in ("changed  ", "added  ", "removed  "):
        assert name in done.stdout
    assert_document(json.loads(bench.run("diff", "--json", old, bench.bundle).stdout), bench)
    assert len(bench.server.requests) == before


@pytest.mark.parametrize("how", ["operand", "option", "stdin"])
def test_a_bundle_and_a_list(releases, how):
    bench, old, names = releases
    text = "".join(bench.name(name) + "\n" for name in names)
    path = bench.folder / "list.txt"
    path.write_text(text)
    args = {"operand": [path], "option": ["-f", path], "stdin": ["-"]}[how]
    before = bench.server.count("blob")
    done = bench.run("diff", "--json", old, *args, input=text if how == "stdin" else None)
    assert_done(done)
    assert_document(json.loads(done.stdout), bench)
    # Configs only: no layer is asked for.
    assert bench.server.count("blob") - before == 3


def test_since(releases):
    """The plan says it; with --json inside the document; nothing is pulled for it."""
    bench, old, names = releases
    done = bench.run("pack", "--dry-run", "--since", old, *map(bench.name, names))
    assert_done(done)
    assert f"since {old}:" in done.stdout and WORDS in done.stdout
    done = bench.run("pack", "--dry-run", "--json", "--since", old, *map(bench.name, names))
    assert_document(json.loads(done.stdout)["since"], bench)
    done = bench.run("pack", "-o", bench.bundle, "--since", old, *map(bench.name, names))
    assert_done(done)
    assert WORDS in done.stderr
    assert_done(bench.run("verify", bench.bundle))


def test_a_plan_needs_no_file(releases):
    bench, _, names = releases
    done = bench.run("pack", "--dry-run", "--json", *map(bench.name, names))
    plan = json.loads(done.stdout)
    assert plan["bundle"] is None
    assert plan["plan"]["free_bytes"] is None and plan["plan"]["bundle_bytes"] > 0
    assert_usage(bench.run("pack", *map(bench.name, names)), "no '--output BUNDLE' given")


def test_the_plan_says_bytes_an_image(releases):
    bench, _, names = releases
    done = bench.run("pack", "--dry-run", "--json", *map(bench.name, names))
    images = {i["name"].rpartition("/")[2]: i for i in json.loads(done.stdout)["images"]}
    for name in names:
        assert 5000 <= images[name]["shared"] < images[name]["size"]
    done = bench.run("pack", "--dry-run", *map(bench.name, names))
    assert "SHARED" in done.stdout and "planned" in done.stdout
    for word in ("to pull", "shared", "bundle"):
        assert f"  {word} " in done.stdout


def test_the_same_is_the_same(releases):
    bench, old, _ = releases
    done = bench.run("diff", old, old)
    assert_done(done)
    assert done.stdout.startswith("images: 0 changed, 0 added, 0 removed, 3 unchanged\n")
    assert bench.run("diff", "--quiet", old, old).stdout == ""


def test_refusals_are_not_taken_for_removals(releases):
    bench, old, _ = releases
    path = bench.folder / "list.txt"
    path.write_text(bench.name("same:1") + "\n" + bench.name("none:1") + "\n")
    done = bench.run("diff", old, path)
    assert done.returncode == 1 and done.stdout == ""
    assert "none:1" in done.stderr and "cannot be packed" in done.stderr
    done = bench.run("pack", "--dry-run", "--since", old, "-f", path)
    assert done.returncode == 1 and "removed" not in done.stdout + done.stderr


def test_bad_uses(releases):
    bench, old, _ = releases
    assert_usage(bench.run("diff", old), "no NEW and no '--file LIST' given")
    assert_usage(bench.run("diff", old, old, "-f", old), "both NEW and '--file LIST' given")
    assert_usage(bench.run("diff"), "no OLD given")
    done = bench.run("diff", bench.folder / "none", old)
    assert done.returncode == 1 and "none: no such file" in done.stderr
    broken = bench.folder / "broken.tar.zst"
    broken.write_bytes(old.read_bytes()[:1000])
    assert bench.run("diff", old, broken).returncode == 3
    done = bench.run("pack", "-o", bench.bundle, "--since", broken, bench.name("same:1"))
    assert_told(done, 3, str(broken))
    assert not bench.bundle.exists()


def test_what_stands_beside_an_image_counts_by_itself(bench):
    """An attestation may be all that changed; it is no image, and has to be carried."""
    both = {"platforms": ["linux/amd64", "linux/arm64"], "layers": [3000]}
    bench.add("app:1", **both, attestations=True)
    assert_done(bench.pack("app:1", options=["--platform", "all"]))
    old = bench.bundle.with_name("old.tar.zst")
    bench.bundle.rename(old)
    index = json.loads(bench.server.store.find_manifest("app", bench.images["app:1"].index)[1])
    gone = next(entry for entry in index["manifests"] if entry.get("annotations"))
    index["manifests"].remove(gone)
    bench.server.add_manifest("app:1", "application/vnd.oci.image.index.v1+json",
                              json.dumps(index).encode())
    assert_done(bench.pack("app:1", options=["--platform", "all"]))
    done = bench.run("diff", old, bench.bundle)
    assert "images: 0 changed, 0 added, 0 removed, 2 unchanged" in done.stdout
    document = json.loads(bench.run("diff", "--json", old, bench.bundle).stdout)
    assert [(image["platform"], image["change"], image["old_digest"])
            for image in document["images"] if image["change"] != "unchanged"] == [
                (None, "removed", gone["digest"])]
    assert document["blobs"]["new"]["count"] == 1  # the index
