"""The comparison of instruction counts, without counting any."""

import json

import pytest

import callgrind
import counts
import instructions
from callgrind import Count, CountError

TOOLS = {"machine": "x86_64", "valgrind": "3", "compiler": "GNU 12 -O2", "libc": "2",
         "libzstd": "1.5.4"}
BEFORE = Count(own=1000, libc=2000, all=10_000)
RECORD = counts.make_record(TOOLS, {"pack": BEFORE})


def verdicts(counted, tools=None, wanted=()):
    """{(scenario, measure): verdict} of what fails or is worth a note."""
    lines = counts.judge(RECORD, tools or TOOLS, counted, {}, wanted)
    assert all(line.failed == line.verdict.startswith("FAILED") for line in lines)
    assert len(list(counts.table(lines))) == len(lines) + 1
    return {(line.scenario, line.measure): line.verdict for line in lines
            if line.verdict != "ok"}


def changed(**counted):
    return {"pack": Count(**{"own": 1000, "libc": 2000, "all": 10_000, **counted})}


def test_the_same_numbers_pass():
    assert verdicts(changed()) == {}


NARROW = {"own": 3, "libc": 5, "all": 3}


@pytest.mark.parametrize("measure, number", [("own", 1031), ("libc", 2101), ("all", 10_301)])
def test_a_number_that_got_worse_fails(measure, number):
    assert verdicts(changed(**{measure: number})) == {
        ("pack", measure): f"FAILED: more than {NARROW[measure]} %"}
    assert verdicts(changed(**{measure: number - 1})) == {}


def test_a_number_that_got_much_better_is_worth_a_record():
    assert verdicts(changed(own=899)) == {("pack", "own"): "better: record it"}
    assert verdicts(changed(own=900)) == {}


def test_a_scenario_that_was_not_counted_fails():
    assert set(verdicts({}).values()) == {"FAILED: not counted"}
    assert len(verdicts({})) == len(counts.MEASURES)


def test_a_scenario_that_was_not_recorded_fails():
    assert set(verdicts({**changed(), "new": BEFORE}).values()) == {"FAILED: not recorded"}


def test_only_the_wanted_scenarios_are_judged():
    record = counts.make_record(TOOLS, {"pack": BEFORE, "load": BEFORE})
    lines = counts.judge(record, TOOLS, changed(), {}, ["pack"])
    assert {line.scenario for line in lines} == {"pack"}


@pytest.mark.parametrize("tool, lax", [
    ("compiler", {"own", "libc", "all"}), ("libc", {"libc", "all"}), ("libzstd", {"all"})])
def test_other_tools_only_fail_what_is_grossly_worse(tool, lax):
    tools = {**TOOLS, tool: "another"}
    for measure, before in (("own", 1000), ("libc", 2000), ("all", 10_000)):
        limit = 25 if measure in lax else NARROW[measure]
        failed = {("pack", measure): f"FAILED: more than {limit} %"}
        at_limit = before * 5 // 4
        assert verdicts(changed(**{measure: at_limit}), tools) == (
            {} if measure in lax else failed)
        assert verdicts(changed(**{measure: at_limit + 1}), tools) == failed


PROFILE = """\
ob=/opt/ferry
fn=main
10 300
cob=/lib/libc.so.6
cfn=memcpy
calls=5 0
12 9000
13 7

ob=/lib/libc.so.6
fn=memcpy
0 9000
ob=/lib/libzstd.so.1
fn=unpack
4 5
"""


def test_a_profile_is_summed_where_it_was_executed():
    found = callgrind.sum_up(callgrind.by_object(PROFILE.splitlines()), "/opt/ferry")
    assert found == Count(own=307, libc=9000, all=9312)


def test_a_profile_without_the_program_is_none():
    with pytest.raises(CountError, match="no code of /opt/other"):
        callgrind.sum_up(callgrind.by_object(PROFILE.splitlines()), "/opt/other")


def checked(monkeypatch, tmp_path, counted, record=RECORD):
    """The exit status of a check that counts nothing."""
    path = tmp_path / "record.json"
    path.unlink(missing_ok=True)
    if record:
        path.write_text(json.dumps(record), encoding="utf-8")
    monkeypatch.setattr(instructions, "RECORD", path)
    monkeypatch.setattr(instructions, "count_all", lambda *_: (counted, {}))
    monkeypatch.setattr(counts, "tools_of", lambda _: TOOLS)
    monkeypatch.setattr("sys.argv", ["instructions.py"])
    return instructions.main()


def test_the_check_fails_if_one_number_does(monkeypatch, tmp_path, capsys):
    assert checked(monkeypatch, tmp_path, changed()) == 0
    assert checked(monkeypatch, tmp_path, changed(own=2000)) == 1
    assert "+100.00 %  FAILED: more than 3 %" in capsys.readouterr().out
    assert checked(monkeypatch, tmp_path, {}) == 1
    assert checked(monkeypatch, tmp_path, changed(), record=None) == 1


def test_the_check_says_what_is_worth_a_record(monkeypatch, tmp_path, capsys):
    assert checked(monkeypatch, tmp_path, changed(all=5000)) == 0
    assert "make record-instructions" in capsys.readouterr().out


def test_all_scenarios_are_recorded():
    record = json.loads(instructions.RECORD.read_text(encoding="utf-8"))
    assert set(record["scenarios"]) == set(instructions.SCENARIOS)
    assert set(record["tools"]) == set(TOOLS) | {"libcrypto", "libcurl", "libjansson",
                                                 "libxxhash"}
