"""Every row of the table of hostile registries, held to what it must be.

All of them are played when the first is looked at, several at once; the page
that tells of them, docs/hostile-registries.md, has to say what this run saw.
"""

import pytest

from rows import all_cases
from rows_play import play_all
from table import DOCUMENT, TITLES, line

CASES = {case.name: case for case in all_cases()}


@pytest.fixture(scope="session", name="played")
def played_fixture(request):
    """What came of the cases that this run is about."""
    wanted = {item.callspec.params["name"] for item in request.session.items
              if hasattr(item, "callspec") and "name" in item.callspec.params}
    return play_all([case for case in CASES.values() if case.name in wanted])


@pytest.fixture(scope="session", name="page")
def page_fixture():
    return DOCUMENT.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", CASES)
def test_row(played, page, name):
    if played[name].problem:
        raise played[name].problem
    assert line(played[name]) in page, "not on the page any more: table.py --write"


def test_the_page_has_these_rows_and_no_others(page):
    inputs = [text for text in page if text.startswith("| ") and not text.startswith("| input ")
              and not text.startswith("| ---")]
    assert len(inputs) == len(CASES) == len(all_cases())
    assert {case.row for case in CASES.values()} == set(TITLES) == set(range(65, 94))
