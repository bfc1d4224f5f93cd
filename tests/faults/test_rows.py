"""Every row of the table of hostile registries, held to what it must be.

All of them are played when the first is looked at, several at once.
"""

import pytest

from rows import all_cases
from rows_play import play_all

CASES = {case.name: case for case in all_cases()}


@pytest.fixture(scope="session", name="played")
def played_fixture(request):
    """What came of the cases that this run is about."""
    wanted = {item.callspec.params["name"] for item in request.session.items
              if hasattr(item, "callspec") and "name" in item.callspec.params}
    return play_all([case for case in CASES.values() if case.name in wanted])


@pytest.mark.parametrize("name", CASES)
def test_row(played, name):
    if played[name].problem:
        raise played[name].problem
