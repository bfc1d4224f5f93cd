"""Where credentials are looked for, in which order, and which of them count."""

import base64
import json

import pytest

from mishaps import assert_done, told
from mishaps import bench_fixture  # noqa: F401

RIGHT, WRONG = "ann:s3cret", "ann:w0rst"

# Every place, the first to be looked into first.
PLACES = [
    {"XDG_RUNTIME_DIR": "run", "file": "run/containers/auth.json"},
    {"XDG_CONFIG_HOME": "conf", "file": "conf/containers/auth.json"},
    {"DOCKER_CONFIG": "docker", "file": "docker/config.json"},
]
HOME_PLACES = [
    {"XDG_RUNTIME_DIR": "run", "file": "run/containers/auth.json"},
    {"file": ".config/containers/auth.json"},
    {"file": ".docker/config.json"},
]


def entry(pair):
    return {"auth": base64.b64encode(pair.encode()).decode()}


@pytest.fixture(name="locked")
def locked_fixture(bench):
    """The bench, with a registry that wants RIGHT."""
    bench.add("app:1", layers=[500])
    bench.server.require_basic(*RIGHT.split(":"))
    return bench


def write(bench, path, auths, **more):
    file = bench.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"auths": auths, **more}))
    return file


def environment(bench, places):
    """The variables that lead to the places; what none leads to is below HOME."""
    found = {"XDG_CONFIG_HOME": None, "DOCKER_CONFIG": None}
    for place in places:
        found.update({name: bench.folder / value for name, value in place.items()
                      if name != "file"})
    return found


@pytest.mark.parametrize("places", [PLACES, HOME_PLACES])
@pytest.mark.parametrize("where", range(3))
def test_the_first_file_that_has_any_counts(locked, places, where):
    """Those before know other registries only, those behind are wrong."""
    for number, place in enumerate(places):
        auths = {"elsewhere.example": entry(WRONG)} if number < where else {
            locked.server.host: entry(RIGHT if number == where else WRONG)}
        write(locked, place["file"], auths)
    assert_done(locked.pack("app:1", env=environment(locked, places)))


def test_a_file_that_is_named_stands_alone(locked):
    write(locked, ".docker/config.json", {locked.server.host: entry(RIGHT)})
    empty = write(locked, "empty.json", {})
    for options, env in (["--authfile", empty], {}), ([], {"REGISTRY_AUTH_FILE": empty}):
        done = locked.pack("app:1", options=options, env=env)
        assert done.returncode == 1 and "no credentials for" in done.stderr, told(done)


def test_a_later_file_is_read_only_if_it_is_needed(locked):
    write(locked, "run/containers/auth.json", {locked.server.host: entry(RIGHT)})
    (locked.folder / ".docker").mkdir()
    (locked.folder / ".docker/config.json").write_text("no JSON")
    assert_done(locked.pack("app:1", env={"XDG_RUNTIME_DIR": locked.folder / "run"}))
    done = locked.pack("app:1", options=["--force"])
    assert done.returncode == 1 and ".docker/config.json: no valid JSON" in done.stderr, told(done)


# path: what the entry for it holds; image: whether it can be had
SCOPED = {
    "the longest prefix": ({"": WRONG, "/team": WRONG, "/team/app": RIGHT}, "team/app:1", True),
    "longer than a name": ({"": RIGHT, "/team/app/deep": WRONG}, "team/app:1", True),
    "another of the same front": ({"": RIGHT, "/team/ap": WRONG}, "team/app:1", True),
    "a namespace": ({"/team": RIGHT, "": WRONG}, "team/app:1", True),
    "another namespace": ({"/team": RIGHT, "": WRONG}, "app:1", False),
    "nothing for all": ({"/team": RIGHT}, "app:1", False),
}


@pytest.mark.parametrize("name", SCOPED)
def test_keys_with_a_path(locked, name):
    paths, image, works = SCOPED[name]
    locked.add(image, layers=[500])
    path = write(locked, "auth.json", {locked.server.host + path: entry(pair)
                                       for path, pair in paths.items()})
    done = locked.pack(image, options=["--authfile", path])
    assert done.returncode == (0 if works else 1), told(done)


def test_two_images_each_by_its_own(locked):
    """One run, one registry, two secrets: none is taken for the other."""
    locked.add("team/app:1", layers=[600])
    path = write(locked, "auth.json", {locked.server.host: entry(WRONG),
                                       locked.server.host + "/team": entry(RIGHT)})
    done = locked.pack("app:1", "team/app:1", options=["--authfile", path, "--jobs", 1])
    assert done.returncode == 1, told(done)
    refused = [line for line in done.stderr.splitlines() if "refuses the credentials" in line]
    assert len(refused) == 1 and refused[0].startswith(locked.name("app:1")), told(done)


HELPER = """#!/bin/sh
read host
test "$host" = {knows} || {{ echo 'credentials not found in native keychain'; exit 1; }}
echo '{{"ServerURL": "x", "Username": "ann", "Secret": "s3cret"}}'
"""


@pytest.mark.parametrize("knows", [True, False])
def test_a_store_that_does_not_know_leaves_it_to_the_next_file(locked, knows):
    """Of that store's own file the entries count, too."""
    helper = locked.folder / "docker-credential-chain"
    helper.write_text(HELPER.format(knows=locked.server.host if knows else "nobody"))
    helper.chmod(0o755)
    write(locked, "run/containers/auth.json", {}, credsStore="chain")
    write(locked, ".docker/config.json", {locked.server.host: entry(WRONG if knows else RIGHT)})
    assert_done(locked.pack("app:1", env={"XDG_RUNTIME_DIR": locked.folder / "run",
                                          "PATH": f"{locked.folder}:/usr/bin:/bin"}))
