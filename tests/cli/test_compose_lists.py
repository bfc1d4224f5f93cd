"""Compose files as lists: what of them reaches the bundle, and their options."""

import json

import pytest

from mishaps import assert_done, assert_failed, assert_packed
from mishaps import bench_fixture  # noqa: F401

BOTH = ["linux/amd64", "linux/arm64"]


def write(bench, name, text):
    """A file beside the bundle's folder; {host} in it is the registry."""
    path = bench.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("{host}", bench.server.host))
    return path


def pack(bench, *args, **more):
    return bench.run("pack", "-o", bench.bundle, *args, cwd=bench.folder, **more)


def assert_usage(bench, done, *words):
    """It was wrong from the start: nothing was asked of anybody."""
    lines = done.stderr.splitlines()
    assert lines[-1] == "try 'ferry pack --help'"
    done.stderr = "\n".join(lines[:-1])
    assert_failed(bench, done, *words, status=2)
    assert bench.server.requests == []


def platforms(bench):
    """{image: platform} of the bundle."""
    listed = json.loads(bench.run("list", bench.bundle, "--json").stdout)
    return {image["name"].rpartition("/")[2]: image["platform"] for image in listed["images"]}


STACK = """
services:
  app: {image: "${HOST}/app:${TAG:?}"}
  db: {image: "${HOST}/db:1", profiles: [extra]}
"""


def test_a_project_is_packed(bench):
    bench.add("app:2", layers=[500])
    bench.add("db:1", layers=[500])
    write(bench, ".env", "HOST={host}\nTAG=2\n")
    assert_done(pack(bench, "-f", write(bench, "compose.yaml", STACK)))
    assert_packed(bench, bench.images)


def test_from_a_pipe_the_folder_is_the_working_one(bench):
    bench.add("app:2", layers=[500])
    bench.add("db:1", layers=[500])
    write(bench, ".env", "HOST={host}\n")
    assert_done(pack(bench, "-f", "-", input=STACK, env={"TAG": "2"}))
    assert_packed(bench, bench.images)


def test_an_unset_variable_is_told(bench):
    """It leaves a reference that is fine, but for another image than was meant."""
    bench.add("app:1", layers=[500])
    path = write(bench, "compose.yaml",
                 "services:\n  a: {image: '{host}/app${SUFFIX}:${TAG:-1}'}\n")
    done = pack(bench, "-f", path)
    assert_done(done)
    told = [line for line in done.stderr.splitlines() if "SUFFIX" in line]
    assert told == [f"{path}: service 'a': SUFFIX is not set, so its image is "
                    f"'{bench.server.host}/app:1'"]
    assert_packed(bench, bench.images)


def test_a_profile_and_a_file_of_variables(bench):
    bench.add("app:3", layers=[500])
    write(bench, "x/prod.env", "HOST={host}\nTAG=3\n")
    more = STACK + "  job: {image: 'job:1', profiles: [jobs, extra]}\n"
    path = write(bench, "compose.yaml", more + "  none: {image: '${HOST}/app:3', profiles: [none]}\n")
    assert_done(pack(bench, "-f", path, "--env-file", "x/prod.env", "--profile", "none"))
    assert_packed(bench, bench.images)


def test_a_service_says_its_platform(bench):
    for name in ("app:1", "db:1", "job:1"):
        bench.add(name, layers=[500], platforms=BOTH)
    path = write(bench, "compose.yaml", """
services:
  app: {image: "{host}/app:1", platform: linux/arm64}
  db: {image: "{host}/db:1"}
  job: {image: "{host}/job:1", platform: linux/amd64}
""")
    assert_done(pack(bench, "-f", path))
    assert platforms(bench) == {"app:1": "linux/arm64", "db:1": "linux/amd64", "job:1": "linux/amd64"}
    assert_done(pack(bench, "-f", path, "--platform", "linux/arm64", "--force"))
    assert platforms(bench) == {"app:1": "linux/arm64", "db:1": "linux/arm64", "job:1": "linux/amd64"}


def test_compose_and_other_lists(bench):
    """And what two Compose files make is one project, whatever stands between them."""
    for name in ("app:2", "db:1", "cache:1"):
        bench.add(name, layers=[500])
    first = write(bench, "compose.yaml", "services: {app: {image: '{host}/app:1'}}\n")
    text = write(bench, "images.txt", "{host}/db:1\n")
    second = write(bench, "more.yaml", "services: {app: {image: '{host}/app:2'}}\n")
    assert_done(pack(bench, bench.name("cache:1"), "-f", first, "-f", text, "-f", second))
    assert_packed(bench, bench.images)


def test_a_file_without_services_has_to_be_called_compose(bench):
    bench.add("app:1", layers=[500])
    first = write(bench, "compose.yaml", "services: {app: {image: '{host}/app:1'}}\n")
    nets = write(bench, "nets.yaml", "networks: {default: {driver: bridge}}\n")
    assert_usage(bench, pack(bench, "-f", first, "-f", nets), "nets.yaml", "--list-format")
    assert_done(pack(bench, "-f", first, "-f", nets, "--list-format", "compose"))
    assert_packed(bench, bench.images)


@pytest.mark.parametrize("options, words", [
    (["--list-format", "yaml"], ["--list-format yaml: it is text, compose, kubernetes or definition"]),
    (["--list-format", "text"], ["compose.yaml", "line 1"]),
    (["--list-format", "kubernetes"], ["compose.yaml"]),
    (["--env-file", "nowhere.env"], ["nowhere.env: no such file"]),
    (["--env-file", "images.txt"], ["images.txt: line 2: no NAME=VALUE"]),
    (["--profile", "exra"], ["--profile exra: no service has it"]),
    ([], ["compose.yaml: service 'app'", "variable TAG is not set"]),
])
def test_bad_options(bench, options, words):
    write(bench, "compose.yaml", "services: {app: {image: '{host}/app:${TAG:?}'}}\n")
    write(bench, "images.txt", "# images\nteam/app:1\n")
    done = pack(bench, "-f", "compose.yaml", *options, env={"TAG": "1" if options else None})
    assert_usage(bench, done, *words)


def test_diff_reads_lists_the_same_way(bench):
    bench.add("app:2", layers=[500])
    bench.add("db:1", layers=[500])
    path = write(bench, "compose.yaml", STACK)
    write(bench, "e.env", "HOST={host}\nTAG=2\n")
    assert_done(pack(bench, bench.name("app:2")))
    done = bench.run("diff", bench.bundle, "-f", path, "--env-file", bench.folder / "e.env", "--json",
                     "--plain-http", bench.server.host)
    assert done.returncode == 0, done.stderr
    assert "db:1" in done.stdout
