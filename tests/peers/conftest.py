"""What the tests in this folder share."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("images", "support", "faults"))]

# pylint: disable=wrong-import-position
import stack
from ferry import ferry_fixture  # noqa: F401  pylint: disable=unused-import
from job import bundle, packed, small_bundle, source, target  # noqa: F401


def pytest_configure(config):
    """Make the marker known; Debian 12's Python still has crypt, and that will do."""
    config.addinivalue_line("filterwarnings", "ignore:'crypt' is deprecated")
    config.addinivalue_line("markers", "stack: needs the images of the whole stack, "
                                       "built by a run of half a minute if they are not there")


@pytest.fixture(scope="session")
def traps(tmp_path_factory):
    """A cache that holds the trap images only: built in a second, without network."""
    cache = tmp_path_factory.mktemp("traps")
    stack.build(cache, traps_only=True)
    return cache


@pytest.fixture(scope="session")
def whole_stack():
    """The cache of all images in its usual place."""
    stack.build(stack.DEFAULT_CACHE)
    return stack.DEFAULT_CACHE
