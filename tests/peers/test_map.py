"""ferry map: what the real docker-compose makes of a mapped file are the new names.

The Compose files are those of test_compose.py; a bundle that holds all of their
images is made of one image under all the names.
"""

import json

import pytest
import yaml

import ferry as program
import test_compose as cases
from mishaps import Bench, FaultyRegistry, assert_done, told

TO = "10.0.0.5:5000/plant"
# Some cases have app:1 of Docker Hub and of another registry.
HERE = ["--to", TO, "--rewrite", "docker.io=hub"]
# An included file is mapped by itself, with the variables that are its own.
NAMES = [name for name in cases.names("images") if not name.startswith("include-")]


def wanted(name, folder):
    """The images of a case, as ferry finds them."""
    return cases.plan(folder, cases.settings(name))[1]


def there(image):
    """The name on the other side; of what only a registry knows by its digest, the old one."""
    host, _, path = image.partition("/")
    has_host = path and ("." in host or ":" in host or host == "localhost")
    return image if "@" in image else f"{TO}/{path}" if has_host else f"{TO}/hub/{image}"


@pytest.fixture(scope="module", name="packed")
def packed_fixture(tmp_path_factory):
    """A bundle of all images that the cases ask for by a tag."""
    images = set().union(*(wanted(name, cases.CASES / name) for name in NAMES))
    with FaultyRegistry(seed="map") as server:
        bench = Bench(server, tmp_path_factory.mktemp("packed"))
        bench.add("app:1", layers=[100])
        assert_done(bench.pack(options=[f"{bench.name('app:1')} => {image}"
                                        for image in sorted(images) if "@" not in image]))
    return bench


def compose_files(folder):
    """Of a case, the files that name images."""
    found = [path for path in sorted(folder.rglob("*")) if path.suffix in (".yaml", ".yml", ".json")
             and path.name != "case.json"]
    return [path for path in found if "image" in path.read_text()]


def map_file(packed, folder, case, path):
    """Replaces a file by what ferry map makes of it, with the variables of the project."""
    env_files = [folder / name for name in case["env_files"]]
    if not env_files:
        env_files = [(folder / case["files"][0]).parent / ".env"]
        env_files[0].touch()
    done = program.run("map", packed.bundle, *HERE, path, "--list-format", "compose",
                       *[word for env in env_files for word in ("--env-file", env)],
                       env=case["env"], cwd=folder)
    assert done.returncode in (0, 5), told(done)
    assert (done.returncode == 5) == ("not in the bundle" in done.stderr), told(done)
    before, path_text = path.read_text().splitlines(), done.stdout
    path.write_text(path_text)
    assert len(path_text.splitlines()) == len(before)
    return done


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    return lambda name: cases.shutil.copytree(cases.CASES / name, tmp_path / "case")


@pytest.mark.parametrize("name", NAMES)
def test_the_new_names_are_asked_for(packed, folder, name):
    case = cases.settings(name)
    here = folder(name)
    before = wanted(name, here)
    for path in compose_files(here):
        map_file(packed, here, case, path)
    assert wanted(name, here) == {there(image) for image in before}
    if case["newer"]:
        return
    printed = cases.compose(here, case)
    assert printed.returncode == 0, printed.stderr
    services = yaml.safe_load(printed.stdout)["services"].values()
    assert ({cases.familiar(service["image"]) for service in services
             if cases.chosen(service, case["profiles"])} == {there(image) for image in before})


def test_only_lines_with_images_change(packed, folder):
    here = folder("stack")
    [path] = compose_files(here)
    before = path.read_bytes().splitlines(keepends=True)
    map_file(packed, here, cases.settings("stack"), path)
    after = path.read_bytes().splitlines(keepends=True)
    changed = [number for number, (old, new) in enumerate(zip(before, after)) if old != new]
    assert changed and all(b"image" in before[number] for number in changed)


def test_mapping_twice_changes_nothing(packed, folder):
    case = cases.settings("stack")
    here = folder("stack")
    [path] = compose_files(here)
    map_file(packed, here, case, path)
    once = path.read_bytes()
    assert map_file(packed, here, case, path).returncode == 0
    assert path.read_bytes() == once
    assert json.loads(program.run("map", packed.bundle, *HERE, path, "--json").stdout)["warnings"] == []
