"""What images are called on the other side: --rewrite, PREFIX and --map."""

import json
import os

import pytest

from fake_docker import FakeDocker
from mishaps import assert_done, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES, tags
from releases import release_fixture, target_fixture  # noqa: F401


def load(target, *options, prefix="", **more):
    return target.run("load", target.bundle, "--to", target.server.host + prefix, "--any-host",
                      "--plain-http", target.server.host, *options, **more)


def test_rules_and_a_prefix(target, release):
    host = release.server.host
    done = load(target, "--rewrite", f"{host}=mirror", "--rewrite", f"{host}/db:1=data/base:2",
                "--rewrite", f"{host}/web=", "--rewrite", f"{host}/web:1=web", prefix="/plant")
    assert_done(done)
    manifests = {name: target.images[name].manifest for name in NAMES}
    assert tags(target.server) == {"plant/mirror/app:1": manifests["app:1"],
                               "plant/data/base:2": manifests["db:1"],
                               "plant/web:1": manifests["web:1"]}
    there = f"{target.server.host}/plant"
    assert f"  names      {host}/app:1 -> {there}/mirror/app:1\n" in done.stderr
    assert f"             {host}/db:1 -> {there}/data/base:2\n" in done.stderr
    assert f"  warning    --rewrite {host}/web= matches no image\n" in done.stderr
    assert f"\n{host}/db:1: loaded, read back equal\n" in done.stderr
    again = load(target, "--rewrite", f"{host}=mirror", "--rewrite", f"{host}/db:1=data/base:2",
                 "--rewrite", f"{host}/web:1=web", prefix="/plant")
    assert again.stderr.count("there already, equal") == 3
    assert "warning" not in again.stderr


def test_a_plan_sends_nothing_and_has_the_names(target, release):
    host = release.server.host
    done = load(target, "--rewrite", f"{host}/app=x", "--dry-run", "--json")
    assert_done(done)
    plan = json.loads(done.stdout)
    there = target.server.host
    assert [(image["name"], image["target_name"], image["index_digest"]) for image in plan["images"]] == [
        (f"{host}/app:1", f"{there}/x:1", None), (f"{host}/db:1", f"{there}/db:1", None),
        (f"{host}/web:1", f"{there}/web:1", None)]
    assert plan["warnings"] == []
    assert tags(target.server) == {}


def test_the_map(target, release):
    path = target.folder / "names.txt"
    path.write_text("old")
    done = load(target, "--rewrite", f"{release.server.host}=m", "--map", path)
    assert_done(done)
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert lines == [[release.name(name), f"{target.server.host}/m/{name}", "linux/amd64",
                      target.images[name].manifest, "-"] for name in NAMES]
    assert sorted(os.listdir(target.folder)) == ["names.txt", "out"]
    printed = load(target, "--rewrite", f"{release.server.host}=m", "--map", "-", "--dry-run")
    assert printed.stdout == path.read_text()
    assert "plan: " in printed.stderr
    loaded = load(target, "--rewrite", f"{release.server.host}=m", "--map", "-")
    assert loaded.stdout == path.read_text()


def test_an_index_is_in_the_map(bench):
    image = bench.add("app:1", layers=[500], platforms=["linux/amd64", "linux/arm64"])
    assert_done(bench.pack("app:1"))
    done = load(bench, "--dry-run", "--map", "-")
    assert_done(done)
    assert done.stdout.split("\t")[3:] == [image.manifest, image.index + "\n"]


def test_a_map_of_a_load_that_failed_in_part(target):
    import faulty_actions as act

    layer = target.images["web:1"].layers[0].digest
    target.server.fault("PUT blob", act.status(413), times=None, digest=layer)
    done = load(target, "--map", target.folder / "names.txt")
    assert done.returncode == 5, told(done)
    assert len((target.folder / "names.txt").read_text().splitlines()) == 3


@pytest.mark.parametrize("options, words", [
    (["--rewrite", "app"], ["--rewrite app: it has no '='"]),
    (["--rewrite", "a=b:1"], ["a tag behind the '=' needs one before it"]),
    (["--rewrite", "{host}/app=x:5000/y"], ["--rewrite", "app=x:5000/y"]),
    (["--rewrite", "{host}/app=same", "--rewrite", "{host}/db=same"],
     ["{host}/app:1 and {host}/db:1 would both be called", "/same:1 (--rewrite {host}/", "same)"]),
    (["--rewrite", "{host}/app="], ["of {host}/app:1 no name is left"]),
    (["--map", "-", "--json"], ["both '--json' and '--map -' given"]),
    (["--map", "{bundle}"], ["would write over the bundle"]),
    (["--map", "nowhere/x.txt"], ["nowhere"]),
])
def test_what_is_refused(target, release, options, words):
    known = {"host": release.server.host, "bundle": target.bundle}
    done = load(target, *[option.format(**known) for option in options])
    assert done.returncode == (1 if "nowhere" in options[-1] else 2), told(done)
    for word in words:
        assert word.format(**known) in done.stderr
    assert tags(target.server) == {}


def test_two_sources_of_one_name_are_refused_without_a_rule(bench):
    """Both hosts are dropped."""
    bench.add("app:1", layers=[500])
    assert_done(bench.pack("app:1", options=[f"{bench.name('app:1')} => other.example/app:1"]))
    done = load(bench)
    assert done.returncode == 2, told(done)
    for word in (bench.name("app:1"), "other.example/app:1 would both be called", "--rewrite"):
        assert word in done.stderr
    assert_done(load(bench, "--rewrite", "other.example=other"))
    assert set(tags(bench.server)) >= {"app:1", "other/app:1"}


@pytest.mark.parametrize("containerd_store", [False, True], ids=["classic", "containerd"])
def test_in_a_docker(release, tmp_path, containerd_store):
    """Whole references, and each twice is there already under the new name."""
    host = release.server.host
    rules = ["--rewrite", f"{host}=reg.example:5000/hub", "--rewrite", f"{host}/db:1=db:2"]
    with FakeDocker(tmp_path, containerd_store=containerd_store) as docker:
        for expected in ("loaded, read back equal", "there already"):
            done = release.run("load", release.bundle, "--to", docker.to, *rules)
            assert_done(done)
            assert set(docker.names) == {"reg.example:5000/hub/app:1", "docker.io/library/db:2",
                                         "reg.example:5000/hub/web:1"}
            assert expected in done.stderr + done.stdout
        assert f"  names      {host}/app:1 -> reg.example:5000/hub/app:1\n" in done.stderr
        assert f"             {host}/db:1 -> db:2\n" in done.stderr
        clash = release.run("load", release.bundle, "--to", docker.to,
                            *[word for name in ("app", "db") for word in ("--rewrite", f"{host}/{name}=one")])
        assert clash.returncode == 2
        assert f"{host}/app:1 and {host}/db:1 would both be called docker.io/library/one:1" in clash.stderr


def test_in_a_layout(release, tmp_path):
    host = release.server.host
    done = release.run("load", release.bundle, "--to", f"oci:{tmp_path / 'layout'}", "--any-host",
                       "--rewrite", f"{host}=reg.example", "--map", "-")
    assert_done(done)
    index = json.loads((tmp_path / "layout" / "index.json").read_text())
    names = {entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]}
    assert names == {f"reg.example/{name}" for name in NAMES}
    assert {line.split("\t")[1] for line in done.stdout.splitlines()} == names


def test_out_of_a_pipe(target, release):
    """The order of what is read stays that of the bundle, whatever the new names."""
    host = release.server.host
    rules = ["--rewrite", f"{host}/app=zzz", "--rewrite", f"{host}/web=aaa"]
    with open(target.bundle, "rb") as stdin:
        child = target.start("load", "-", "--to", target.server.host, "--any-host", *rules, stdin=stdin)
        said = child.communicate()
    assert child.returncode == 0, said
    assert set(tags(target.server)) == {"zzz:1", "db:1", "aaa:1"}
