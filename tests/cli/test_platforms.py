"""Several platforms of an image, and registries that do not have or do not take all of it."""

import json

import pytest

import faulty_actions as act
from mishaps import assert_done
from mishaps import bench_fixture  # noqa: F401

AMD64, ARM64 = "linux/amd64", "linux/arm64"
BOTH = {"platforms": [AMD64, ARM64], "layers": [3000, 200]}
TWO = ["--platform", AMD64, "--platform", ARM64]
ALL = ["--platform", "all"]
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def manifests(server, name):
    """{digest: (media type, bytes)} that a repository shows."""
    repo = server.store.repos.get(name)
    return dict(repo.manifests) if repo else {}


def index_of(bench, name):
    """The index that the registry has under a name, as JSON."""
    repo, _, _ = name.partition(":")
    return json.loads(bench.server.store.find_manifest(repo, bench.images[name].index)[1])


def put_index(bench, name, change):
    """Puts a changed index under the name, and tells its digest."""
    document = index_of(bench, name)
    change(document)
    return bench.server.add_manifest(name, OCI_INDEX, json.dumps(document).encode())


def assert_refused(bench, done, *words, code=1):
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 2, done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert not bench.bundle.exists()


# Packing


def test_two_platforms_of_all_images(bench):
    bench.add("app:1", **BOTH)
    bench.add("db:1", **BOTH, attestations=True)
    assert_done(bench.pack("app:1", "db:1", options=TWO))
    told = json.loads(bench.run("list", bench.bundle, "--json").stdout)
    assert [each["platform"] for each in told["images"]] == [AMD64, ARM64] * 2
    assert [index["artifacts"] for index in told["indexes"]] == [0, 0]
    assert bench.server.count("manifest tag") == 2


@pytest.mark.parametrize("number, what", [(0, "image"), (1, "image"), (2, "attestation")])
def test_a_child_that_the_source_lacks(bench, number, what):
    """A registry may have cleaned up; a part of an index is not what was asked for."""
    bench.add("app:1", **BOTH, attestations=True)
    digest = index_of(bench, "app:1")["manifests"][number]["digest"]
    del bench.server.store.repos["app"].manifests[digest]
    assert_refused(bench, bench.pack("app:1", options=ALL),
                   f"manifest {digest}, which its index names: ", "does not have it")
    if what == "image":
        assert_refused(bench, bench.pack("app:1", options=TWO), digest, "does not have it")
    else:
        assert_done(bench.pack("app:1", options=TWO))


def test_an_index_inside_an_index(bench):
    bench.add("app:1", **BOTH)
    inner = bench.images["app:1"].index
    def nest(document):
        document["manifests"].append({"mediaType": OCI_INDEX, "digest": inner, "size": 1})
    put_index(bench, "app:1", nest)
    assert_refused(bench, bench.pack("app:1", options=ALL),
                   f"manifest {inner}, which its index names: an index inside an index")
    assert_done(bench.pack("app:1", options=TWO))


def test_an_index_inside_an_index_by_another_name(bench):
    bench.add("app:1", **BOTH)
    inner = bench.images["app:1"].index
    size = len(bench.server.store.find_manifest("app", inner)[1])
    def nest(document):
        document["manifests"][1].update(digest=inner, size=size)
    put_index(bench, "app:1", nest)
    for options in (ALL, TWO):
        assert_refused(bench, bench.pack("app:1", options=options), inner)


@pytest.mark.parametrize("options", [ALL, TWO], ids=["all", "two"])
def test_an_index_that_lies(bench, options):
    bench.add("app:1", **BOTH, config_platform={ARM64: "linux/s390x"})
    assert_refused(bench, bench.pack("app:1", options=options), code=4, *[
        f"its index says {ARM64}, its config says linux/s390x"])


@pytest.mark.parametrize("change", [
    {"platform": {"os": "li nux", "architecture": "arm64"}},
    {"platform": {"os": "", "architecture": ""}},
])
def test_what_the_index_does_not_name_is_what_its_config_says(bench, change):
    """An odd platform hinders nobody; with all it is carried as the image that it is."""
    bench.add("app:1", **BOTH)
    digest = put_index(bench, "app:1", lambda index: index["manifests"][1].update(change))
    assert_done(bench.pack("app:1", options=ALL))
    told = json.loads(bench.run("list", bench.bundle, "--json").stdout)
    assert [each["platform"] for each in told["images"]] == [AMD64, ARM64]
    assert {each["within"] for each in told["images"]} == {digest}
    assert_done(bench.run("verify", bench.bundle))


def test_an_artifact_of_an_unknown_kind(bench):
    """A chart, say: its config is none of an image, and is carried like a layer."""
    bench.add("app:1", **BOTH)
    config, layer = b'{"name":"chart"}', b"not a tar at all"
    documents = [{"mediaType": kind, "digest": bench.server.add_blob("app", data),
                  "size": len(data)} for kind, data in [
                      ("application/vnd.oci.empty.v1+json", config), ("x/chart", layer)]]
    data = json.dumps({"schemaVersion": 2, "config": documents[0],
                       "layers": documents[1:]}).encode()
    kind = "application/vnd.oci.image.manifest.v1+json"
    digest = bench.server.add_manifest("app:chart", kind, data)
    whole = put_index(bench, "app:1", lambda index: index["manifests"].insert(
        0, {"mediaType": kind, "digest": digest, "size": len(data)}))
    assert_done(bench.pack("app:1", options=ALL))
    told = json.loads(bench.run("list", bench.bundle, "--json").stdout)
    assert [(index["digest"], index["images"], index["artifacts"])
            for index in told["indexes"]] == [(whole, 2, 1)]
    assert_done(bench.run("verify", bench.bundle))
    bench.server.store.repos.clear()
    assert_done(bench.load())
    assert set(manifests(bench.server, "app")) >= {whole, digest}


def test_an_index_without_any_image(bench):
    bench.add("app:1", **BOTH, attestations=True)
    put_index(bench, "app:1", lambda index: index.update(manifests=index["manifests"][2:]))
    assert_refused(bench, bench.pack("app:1", options=ALL), "no container image in its index")


# Loading


@pytest.fixture(name="loading")
def loading_fixture(bench):
    """A bundle with all of app:1 and a plain db:1, and the registry it came from, now empty."""
    bench.add("app:1", **BOTH, attestations=True)
    bench.add("db:1", layers=[500])
    bench.listed = [entry["digest"] for entry in index_of(bench, "app:1")["manifests"]]
    assert_done(bench.pack("app:1", "db:1", options=ALL))
    bench.server.store.repos.clear()
    return bench


def fail_child(number):
    def fault(bench):
        bench.server.fault("PUT manifest digest", act.status(403), times=None,
                           digest=bench.listed[number])
    return fault


def fail_blob(bench):
    layer = bench.images["app:1"].platforms[ARM64].layers[0].digest
    bench.server.fault("PUT blob", act.status(413), times=None, digest=layer, repo="app")


def fail_index(bench):
    bench.server.fault("PUT manifest digest", act.status(403), times=None,
                       digest=bench.images["app:1"].index)


def fail_tag(bench):
    bench.server.fault("PUT manifest tag", act.status(403), times=None, repo="app")


@pytest.mark.parametrize("fault", [fail_child(0), fail_child(1), fail_child(3), fail_blob,
                                   fail_index, fail_tag],
                         ids=["an image", "another", "an attestation", "a layer", "the index",
                              "the tag"])
def test_an_index_fails_as_a_whole(loading, fault):
    """The tag is not there, nor is the index by its digest where a child is lacking."""
    fault(loading)
    done = loading.load(retries=0)
    assert done.returncode == 5, done.stderr
    assert "2 of 3 images not in place" in done.stderr
    repos = loading.server.store.repos
    assert "1" not in repos["app"].tags and "1" in repos["db"].tags
    assert (loading.images["app:1"].index in repos["app"].manifests) == (fault is fail_tag)
    told = json.loads(loading.load(options=["--json"], retries=0).stdout)
    assert [each["state"] for each in told["images"]] == ["failed", "failed", "present"]
    loading.server.clear_faults()
    assert_done(loading.load())
    assert repos["app"].tags["1"] == loading.images["app:1"].index


def test_what_is_refused_names_its_platform(loading):
    assert_done(loading.load())
    loading.server.store.repos["app"].tags["1"] = loading.images["app:1"].platforms[ARM64].manifest
    told = loading.load(options=["--dry-run", "--on-existing-tag", "fail"]).stderr
    name = f"{loading.server.host}/app:1"
    for platform in ("linux/amd64", "linux/arm64"):
        assert sum(line.startswith(f"{name} ({platform}") for line in told.splitlines()) == 1, told


def test_children_come_before_their_index_and_all_before_the_tag(loading):
    assert_done(loading.load())
    puts = [(record.kind, record.digest) for record in loading.server.requests
            if record.method == "PUT" and record.repo == "app" and record.kind != "blob"]
    digests = [digest for kind, digest in puts if kind == "manifest digest"]
    assert set(digests[:-1]) == set(loading.listed)
    assert digests[-1] == loading.images["app:1"].index
    assert [kind for kind, _ in puts][-1] == "manifest tag"
    assert set(manifests(loading.server, "app")) == {*digests}


def test_a_config_that_does_not_come_is_a_failure(bench):
    """Not a reason to take an image for something else."""
    bench.add("app:1", **BOTH)
    put_index(bench, "app:1", lambda index: index["manifests"][1].pop("platform"))
    bench.server.fault("GET blob", act.status(500), times=None,
                       digest=bench.images["app:1"].platforms[ARM64].config)
    assert_refused(bench, bench.pack("app:1", options=ALL, retries=0), "500")
