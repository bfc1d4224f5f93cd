"""Compose files: the images that ferry plans are those of the real docker-compose.

Each folder under tests/data/compose is a case: Compose files, what else they
need, and case.json, which says how they are read.  `newer`: docker-compose 1.29
lacks it, so that `images` stand there as the Compose specification has them.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import ferry as program

CASES = Path(__file__).resolve().parents[1] / "data" / "compose"
# No registry answers, so that every image is named with a refusal.
NOWHERE = {name: "http://127.0.0.1:1" for name in ("HTTPS_PROXY", "https_proxy")}


def settings(name):
    return {"files": ["compose.yaml"], "env": {}, "env_files": [], "profiles": [], "newer": False,
            **json.loads((CASES / name / "case.json").read_text())}


def names(kind):
    """The cases of one kind."""
    kinds = {path.name: "refused" if "refused" in case else "built" if "built" in case else "images"
             for path in sorted(CASES.iterdir()) for case in [settings(path.name)]}
    return [name for name in kinds if kinds[name] == kind]


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    """folder(name): a copy of a case, which has a name of its own in .env files' way."""
    return lambda name: shutil.copytree(CASES / name, tmp_path / "case")


def options(case):
    return ([word for path in case["files"] for word in ("-f", path)]
            + [word for path in case["env_files"] for word in ("--env-file", path)])


def compose(folder, case):
    """What `docker-compose config` says."""
    return subprocess.run(["docker-compose", *options(case), "config"], cwd=folder, text=True,
                          env=program.environment(case["env"]), capture_output=True, check=False)


def chosen(service, profiles):
    """Whether docker-compose would run it with these, where some are given."""
    own = service.get("profiles")
    return not profiles or not own or bool(set(own) & set(profiles))


def plan(folder, case):
    """What `ferry pack --dry-run` says, and the names of the images in its plan."""
    profiles = [word for name in case["profiles"] for word in ("--profile", name)]
    done = program.run("pack", *options(case), *profiles, "-o", "x.ferry", "--dry-run", "--json",
                       "--retries", "0", env={**NOWHERE, **case["env"]}, cwd=folder)
    return done, {image["name"] for image in json.loads(done.stdout).get("images", [])}


def familiar(image):
    """As ferry shows it."""
    image = image.removeprefix("docker.io/").removeprefix("library/")
    return image if "@" in image or ":" in image.split("/")[-1] else f"{image}:latest"


@pytest.mark.parametrize("name", names("images"))
def test_the_images_are_those_of_compose(folder, name):
    case = settings(name)
    here = folder(name)
    done, found = plan(here, case)
    if case["newer"]:
        wanted = case["images"]
    else:
        printed = compose(here, case)
        assert printed.returncode == 0, printed.stderr
        services = yaml.safe_load(printed.stdout)["services"].values()
        wanted = [service["image"] for service in services if chosen(service, case["profiles"])]
    assert sorted(found) == sorted({familiar(image) for image in wanted}), done.stderr


def assert_refused(folder, case, words):
    done, found = plan(folder, case)
    message = json.loads(done.stdout)["error"]["message"]
    assert (done.returncode, found) == (2, set()), done.stderr
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize("name", names("built"))
def test_services_that_are_only_built_are_named(folder, name):
    case = settings(name)
    here = folder(name)
    services = yaml.safe_load(compose(here, case).stdout)["services"]
    assert [key for key, service in sorted(services.items()) if "image" not in service] == case["built"]
    message = assert_refused(here, case, [f"'{key}'" for key in case["built"]])
    for word in ("image:", "push", "--profile", "docker-daemon:NAME"):
        assert word in message
    for key in set(services) - set(case["built"]):
        assert f"'{key}'" not in message


@pytest.mark.parametrize("name", names("refused"))
def test_what_is_refused(folder, name):
    case = settings(name)
    here = folder(name)
    if not case["newer"]:
        assert compose(here, case).returncode != 0
    assert_refused(here, case, case["refused"])


def test_there_are_enough_cases():
    """That the folder is not empty, or the file a different one."""
    assert sum(not settings(name)["newer"] for name in names("images")) >= 14
    assert sum(name.startswith("include-") for name in names("images")) >= 5
