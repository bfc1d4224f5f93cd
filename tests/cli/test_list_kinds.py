"""Kinds of lists beside text: manifests, definitions, and what is none of them."""

import json
from pathlib import Path

import jsonschema
import pytest

from mishaps import assert_done, assert_failed, assert_packed, told
from mishaps import bench_fixture  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SCHEMA = json.loads((ROOT / "docs" / "definition.schema.json").read_text())
MANIFESTS = sorted((DATA / "kubernetes").glob("*.yaml"))
TYPE = "ferry.definition/v1"
PLACEHOLDER = "registry.example"
ARM64, AMD64 = "linux/arm64", "linux/amd64"


def host_for(bench, text):
    """The text with this registry in the place of the one that is none."""
    return text.replace(PLACEHOLDER, bench.server.host)


def planned(bench, *args, **more):
    """The names in the plan, packed or not."""
    done = bench.run("pack", "--dry-run", "--json", *args, **more)
    document = json.loads(done.stdout)
    assert "images" in document, told(done)
    return sorted(image["name"] for image in document["images"])


def pack_file(bench, text, *options, name="list"):
    path = bench.folder / name
    path.write_text(host_for(bench, text))
    return bench.run("pack", "-f", path, "-o", bench.bundle, *options)


def definition(*images, **more):
    return json.dumps({"type": TYPE, **more, "images": images})


def assert_usage(bench, done, *words):
    """A message about usage, and nobody was asked anything."""
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("try 'ferry pack"), told(done)
    done.stderr = "\n".join(lines[:-1])
    assert_failed(bench, done, *words, status=2)
    assert bench.server.requests == []


# Kubernetes

@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_through_a_pipe(bench, path, windows):
    """What helm, kustomize and kubectl print; on Windows with marks and CR LF."""
    text = host_for(bench, path.read_text())
    expected = sorted(host_for(bench, path.with_suffix(".images").read_text()).split())
    if windows:
        text = "\ufeff" + text.replace("\n", "\r\n")
    assert planned(bench, "-f", "-", input=text) == expected


def test_manifests_are_packed(bench):
    """With its images in a registry, what helm prints becomes a bundle."""
    text = """---
# Source: app/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
      containers:
        - name: app
          image: "registry.example/app:1"
        - name: again
          image: registry.example/app:1
---
# Source: app/templates/job.yaml
apiVersion: batch/v1
kind: CronJob
metadata: {name: db}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: db, image: registry.example/db:1}]}}}}}
"""
    for image in ("app:1", "db:1"):
        bench.add(image, layers=[500])
    assert_done(pack_file(bench, text))
    assert_packed(bench, bench.images)


def test_a_container_without_an_image(bench):
    done = pack_file(bench, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
                            "spec: {containers: [{name: c}]}\n")
    assert_usage(bench, done, f"{bench.folder}/list: Pod 'p': container 'c': it has no image")


def test_a_chart_without_images(bench):
    done = bench.run("pack", "-f", "-", "-o", bench.bundle,
                     input="---\n# Source: a.yaml\n---\n# Source: b.yaml\n")
    assert_usage(bench, done, "standard input names no image")


# definitions

def test_a_definition(bench):
    """Its platforms, and the one image that has others, under another name."""
    app = bench.add("app:1", platforms=[AMD64, ARM64], layers=[500])
    db = bench.add("db:1", platforms=[AMD64, ARM64], layers=[500])
    text = definition({"source": f"{PLACEHOLDER}/app:1"},
                      {"source": f"{PLACEHOLDER}/db:1", "as": "local.example/db:2",
                       "platform": AMD64}, platforms=[ARM64])
    assert_done(pack_file(bench, text))
    listed = {image["name"]: image for image in
              json.loads(bench.run("list", "--json", bench.bundle).stdout)["images"]}
    assert {name: image["digest"] for name, image in listed.items()} == {
        bench.name("app:1"): app.platforms[ARM64].manifest,
        "local.example/db:2": db.platforms[AMD64].manifest}


@pytest.mark.parametrize("own, top, command, chosen", [
    (None, None, None, AMD64),
    (None, ARM64, None, ARM64),
    (None, ARM64, AMD64, AMD64),
    (ARM64, AMD64, AMD64, ARM64),
    (AMD64, ARM64, ARM64, AMD64),
])
def test_which_platform_counts(bench, own, top, command, chosen):
    """The image's, the command's, the definition's, linux/amd64: the first that is there."""
    image = bench.add("app:1", platforms=[AMD64, ARM64], layers=[500])
    entry = {"source": f"{PLACEHOLDER}/app:1", **({"platform": own} if own else {})}
    text = definition(entry, **({"platforms": [top]} if top else {}))
    assert_done(pack_file(bench, text, *(["--platform", command] if command else [])))
    listed = json.loads(bench.run("list", "--json", bench.bundle).stdout)["images"]
    assert [entry["digest"] for entry in listed] == [image.platforms[chosen].manifest]


def test_a_definition_may_pin(bench):
    """The digest counts, wherever the tag is."""
    old = bench.add("app:1", layers=[500])
    bench.add("app:1", layers=[700])
    text = definition({"source": f"{PLACEHOLDER}/app:1", "digest": old.root})
    assert_done(pack_file(bench, text))
    assert_packed(bench, {"app:1": old})
    assert bench.server.count("manifest tag") == 0


@pytest.mark.parametrize("text, words", [
    (definition({"source": "app:1", "tag": "1"}), "images[0]: unknown key \"tag\""),
    (definition({"source": "app:1"}, image=[]), "unknown key \"image\""),
    (definition(), "{file} names no image"),
    ('{"type": "ferry.definition/v2"}', "this ferry reads 'ferry.definition/v1'"),
    ('{"type": "ferry.definition/v1", "images": [],}', "no valid JSON"),
])
def test_bad_definitions(bench, text, words):
    file = str(bench.folder / "list")
    assert_usage(bench, pack_file(bench, text), words.replace("{file}", file), file)


@pytest.mark.parametrize("path", sorted((ROOT / "bundles").glob("*")), ids=lambda path: path.name)
def test_the_definitions_we_have(path):
    """As their schema has it; tests/unit/test_definition.c reads them."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(path.read_text()))


@pytest.mark.parametrize("image, good", [
    ({"source": "redis:7"}, True),
    ({"source": "redis:7", "as": "a/b", "platforms": "all"}, True),
    ({"source": "redis:7", "platform": "linux/arm/v7", "digest": "sha256:" + "a" * 64}, True),
    ({"source": "redis:7", "digest": "sha256:a"}, False),
    ({"source": "redis:7", "as": "a@sha256:" + "a" * 64}, False),
    ({"source": "redis:7", "platform": "linux/amd64", "platforms": ["linux/amd64"]}, False),
    ({"source": "redis:7", "platforms": []}, False),
    ({"source": "redis:7", "platform": "amd64"}, False),
    ({"source": "redis:7", "tag": "7"}, False),
    ({}, False),
])
def test_schema_and_ferry_agree(bench, image, good):
    text = definition(image)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(text)) == good
    # What is read comes as far as the output.
    bench.bundle.write_text("there")
    done = pack_file(bench, text)
    assert done.returncode == (1 if good else 2), told(done)


def test_a_lock_is_as_the_schema_has_it(bench):
    bench.add("app:1", layers=[500])
    lock = bench.folder / "lock.json"
    assert_done(bench.pack("app:1", options=["--lock", lock]))
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(lock.read_text()))


# lines, and all at once

def test_a_line_with_everything(bench):
    image = bench.add("app:1", platforms=[AMD64, ARM64], layers=[500])
    assert_done(pack_file(bench, "registry.example/app:1  linux/arm64  => local.example/a/b\n"))
    listed = json.loads(bench.run("list", "--json", bench.bundle).stdout)["images"]
    assert [(entry["name"], entry["digest"]) for entry in listed] == [
        ("local.example/a/b:latest", image.platforms[ARM64].manifest)]


def test_an_argument_with_everything(bench):
    image = bench.add("app:1", platforms=[AMD64, ARM64], layers=[500])
    assert_done(bench.run("pack", f"{bench.name('app:1')} linux/arm64 => a:2", "-o", bench.bundle))
    listed = json.loads(bench.run("list", "--json", bench.bundle).stdout)["images"]
    assert [(entry["name"], entry["digest"]) for entry in listed] == [
        ("a:2", image.platforms[ARM64].manifest)]


def test_two_places_for_one_name(bench):
    done = pack_file(bench, "registry.example/app:1 => a:1\nregistry.example/db:1 => a:1\n")
    assert_usage(bench, done, f"a:1 is asked for from two places, {bench.name('app:1')} and "
                              f"{bench.name('db:1')}; leave one out, or give one another name ('=> NAME')")


def test_lists_of_all_kinds_together(bench):
    texts = {
        "text": "{h}/text:1\n",
        "compose": "services:\n  a:\n    image: {h}/compose:1\n",
        "override": "services:\n  a:\n    image: {h}/compose:2\n  b:\n    image: {h}/other:1\n",
        "manifest": "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {h}/pod:1\n",
    }
    args = []
    for name, text in texts.items():
        (bench.folder / name).write_text(text.replace("{h}", bench.server.host))
        args += ["-f", bench.folder / name]
    own = definition({"source": bench.name("own:1")})
    assert planned(bench, bench.name("argument:1"), *args, "-f", "-", input=own) == sorted(
        map(bench.name, ["argument:1", "text:1", "compose:2", "other:1", "pod:1", "own:1"]))


def test_standard_input_twice(bench):
    done = bench.run("pack", "-f", "-", "-f", "-", "-o", bench.bundle, input="app:1\n")
    assert_usage(bench, done, "standard input can be given once only")


@pytest.mark.parametrize("text, words", [
    ("replicaCount: 1\nimage:\n  tag: x\n", "a mapping that begins with \"replicaCount\", "
                                            "which is no list of images"),
    ("- app:1\n- db:1\n", "a YAML list, which is no list of images"),
    ("\ufeffa: 1\n", "a mapping that begins with \"a\""),
    ("a: [\n", "line 2, column 1"),
])
def test_what_is_no_list(bench, text, words):
    assert_usage(bench, pack_file(bench, text), f"{bench.folder}/list: ", words)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_what_powershell_writes(bench, encoding):
    path = bench.folder / "list"
    path.write_bytes("\ufeffapp:1\r\n".encode(encoding))
    done = bench.run("pack", "-f", path, "-o", bench.bundle)
    assert_usage(bench, done, f"{path}: it is UTF-16; save it as UTF-8")


def test_two_places_have_one_name(bench):
    """Which may show only when they have been looked at; what is the same is carried once."""
    bench.add("app:1", layers=[500])
    assert_done(bench.pack("app:1"))
    other = bench.out / "other.tar.zst"
    bench.bundle.rename(other)
    named = f"bundle:{other}:{bench.name('app:1')}"
    for origins in ([f"bundle:{other}", named], [named, bench.name("app:1")]):
        assert_done(bench.run("pack", *origins, "-o", bench.bundle, "--force"))
        assert_packed(bench, bench.images)
    bench.bundle.unlink()
    bench.add("app:1", layers=[501])
    for origin in (f"bundle:{other}", named):
        done = bench.run("pack", origin, bench.name("app:1"), "-o", bench.bundle)
        assert (done.returncode, bench.left()) == (2, ["other.tar.zst"]), told(done)
        message = done.stderr.splitlines()[0]
        assert message.startswith(f"ferry: {bench.name('app:1')} is asked for from two places, ")
        assert f" {named}" in message


def test_a_format_that_is_said(bench):
    """It counts for all files, whatever they look like."""
    text = "registry.example/app:1\n"
    assert_usage(bench, pack_file(bench, text, "--list-format", "kubernetes"),
                 "document 1, empty ones not counted, has no apiVersion and kind")
    assert_usage(bench, pack_file(bench, text, "--list-format", "definition"), "no valid JSON")
    assert_usage(bench, pack_file(bench, "services: {}\n", "--list-format", "text"),
                 "line 1: 'services: {}'")
    bench.add("app:1", layers=[500])
    assert_done(pack_file(bench, text, "--list-format", "text"))
