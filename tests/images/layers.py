"""From recipe to layer: which packages a layer holds, and building those not yet built."""

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from blobs import BlobStore, canonical_json, replace_file
from recipes import TRIPLET, Layer
from tree import Tree, store_layer


@dataclass(frozen=True)
class Plan:
    """A layer of the recipes made definite: one architecture, exact packages."""

    layer: Layer
    architecture: str
    packages: tuple
    gzip_level: int

    @property
    def key(self):
        """A name for all that determines the layer's bytes."""
        return hashlib.sha256(canonical_json([
            asdict(self.layer), TRIPLET[self.architecture],
            [package.filename for package in self.packages], self.gzip_level,
            Path(__file__).with_name("tree.py").read_text(encoding="utf-8"),
        ])).hexdigest()


def plan_layers(selection, image, architecture, gzip_level):
    """Plan the layers of an image; each takes only the packages that lower ones lack."""
    names, below = (), frozenset()
    for layer in image.layers:
        names += layer.packages
        needed = selection.closure(names)
        yield Plan(layer, architecture, tuple(sorted(needed - below)), gzip_level)
        below = needed


def build_layers(cache, downloads, plans):
    """Build the layers of the plans (key -> plan) on all processors; key -> layer."""
    weight = {key: sum((downloads / package.filename).stat().st_size
                       for package in plan.packages) for key, plan in plans.items()}
    largest_first = sorted(plans, key=weight.get, reverse=True)
    (cache / "layers").mkdir(exist_ok=True)
    with ProcessPoolExecutor() as pool:
        built = pool.map(partial(build_layer, cache, downloads),
                         (plans[key] for key in largest_first))
        return dict(zip(largest_first, built))


def build_layer(cache, downloads, plan):
    """Build one layer, unless an earlier build left it in the cache."""
    store = BlobStore(cache)
    record = cache / "layers" / f"{plan.key}.json"
    if record.is_file():
        layer = json.loads(record.read_bytes())
        if store.holds(layer["digest"], layer["size"]):
            return layer
    tree = grow_tree(plan, downloads)
    stored = store_layer(store, tree, plan.layer.compression, plan.gzip_level)
    layer = {"name": plan.layer.name, **stored}
    replace_file(record, canonical_json(layer))
    return layer


def grow_tree(plan, downloads):
    """The tree of a layer: its packages, then what the recipe adds to them."""
    def definite(text):
        return text.replace("{triplet}", TRIPLET[plan.architecture])

    tree, layer = Tree(), plan.layer
    for package in plan.packages:
        tree.add_package(downloads / package.filename)
    for path, mode in layer.directories.items():
        tree.add_directory(path, mode)
    for path, target in layer.links.items():
        tree.add_link(definite(path), definite(target))
    for path, text in layer.files.items():
        tree.add_file(path, definite(text).encode())
    for path, text in layer.programs.items():
        tree.add_file(path, definite(text).encode(), mode=0o755)
    return tree
