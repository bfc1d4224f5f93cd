"""What the tests of the one static file share: most of it is that of tests/peers."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name)
                             for name in ("peers", "images", "support", "faults"))]

# pylint: disable=wrong-import-position
import stack
from empty_root import EmptyRoot, is_foreign, run_by_emulator
from job import bundle, packed, small_bundle, source, target  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def emulator(tmp_path_factory):
    """Another machine's file is run by an emulator wherever it is run."""
    if is_foreign():
        run_by_emulator(tmp_path_factory.mktemp("emulator"))


@pytest.fixture(scope="session")
def whole_stack():
    """The cache of all images in its usual place."""
    stack.build(stack.DEFAULT_CACHE)
    return stack.DEFAULT_CACHE


@pytest.fixture(name="root")
def root_fixture(tmp_path):
    """A root with nothing in it but /ferry."""
    return EmptyRoot(tmp_path / "root")
