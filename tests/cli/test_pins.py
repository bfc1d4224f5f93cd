"""Images asked for by digests that the other side will not have: the plans say so."""

import json

import pytest

from mishaps import assert_done
from mishaps import bench_fixture  # noqa: F401

BOTH = ["linux/amd64", "linux/arm64"]
LOST = "pinned to an index of which only"
NO_TAG = "it has a digest and no tag"


@pytest.fixture(name="image")
def image_fixture(bench):
    return bench.add("app:1", layers=[500], platforms=BOTH)


def pack(bench, *args):
    done = bench.run("pack", "-o", bench.bundle, *args, "--json")
    assert_done(done)
    return json.loads(done.stdout)["warnings"]


def test_a_plan_says_what_the_other_side_will_lack(bench, image):
    app = bench.name("app")
    rows = [
        ([f"{app}:1"], []),
        ([f"{app}:1@{image.index}"], [LOST]),
        ([f"{app}:1@{image.manifest}"], []),
        ([f"{app}@{image.index}"], [LOST, NO_TAG]),
        ([f"{app}@{image.manifest}"], [NO_TAG]),
        ([f"{app}:1@{image.index}", "--platform", "all"], []),
        ([f"{app}@{image.index}", "--platform", "all"], [NO_TAG]),
        ([f"{app}@{image.index} => app:2"], []),
    ]
    for args, words in rows:
        warnings = pack(bench, *args, "--dry-run")
        assert len(warnings) == len(words), (args, warnings)
        for warning, word in zip(warnings, words):
            assert warning.startswith(args[0] + ": ") and word in warning
    lost = pack(bench, f"{app}:1@{image.index}", "--dry-run")[0]
    assert f"only linux/amd64 is carried, so that the other side will have {image.manifest}" in lost
    assert "'ferry map'" in lost and "--platform all" in lost


def test_it_is_a_line_of_the_plan(bench, image):
    done = bench.run("pack", "-o", bench.bundle, f"{bench.name('app')}@{image.index}", "--dry-run")
    assert_done(done)
    assert done.stdout.count("\n  warning    ") == 2
    done = bench.run("pack", "-o", bench.bundle, f"{bench.name('app')}@{image.index}")
    assert done.stderr.count("\n  warning    ") == 2


def test_a_lock_pins_for_itself(bench, image):
    lock = bench.folder / "x.lock.json"
    assert pack(bench, bench.name("app:1"), "--lock", lock, "--dry-run") == []
    assert image.index in lock.read_text()
    assert pack(bench, "-f", lock, "--dry-run") == []


def test_load_tells_of_what_has_no_tag(bench, image):
    rows = [(image.index, "who asks for it by its index"), (image.manifest, NO_TAG)]
    for digest, word in rows:
        pack(bench, f"{bench.name('app')}@{digest}", "--force")
        name = f"{bench.name('app')}@{image.manifest}"
        done = bench.run("load", bench.bundle, "--to", bench.server.host, "--any-host", "--dry-run", "--json")
        [warning] = json.loads(done.stdout)["warnings"]
        assert warning.startswith(f"{name}: ") and word in warning
        done = bench.run("load", bench.bundle, "--to", bench.server.host, "--any-host", "--dry-run", "--json",
                         "--rewrite", f"{name}=app:3")
        document = json.loads(done.stdout)
        assert document["warnings"] == []
        assert document["images"][0]["target_name"] == f"{bench.server.host}/app:3"
