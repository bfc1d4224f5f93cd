"""The harness itself: turns, medians, goals, and that a run that fails is no measurement."""

import json
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

import bench
import measure
import report
import rivals
from measure import BenchError, Contender, Goal, Result, Row, Sample, compete


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """The disk of whoever runs the tests is left in peace."""
    monkeypatch.setattr(measure.os, "sync", lambda: None)


def row(*contenders, **more):
    return Row("pack", "the release", contenders, **more)


def scripted(name, *samples, log=None):
    """A contender whose runs cost what is written here."""
    left = list(samples)

    def run():
        if log is not None:
            log.append(name)
        return left.pop(0)
    return Contender(name, run)


def result_of(ours, theirs, *goals):
    contenders = [Contender("ferry", None), Contender("floor", None)]
    return Result(row(*contenders, goals=goals), {"ferry": ours, "floor": theirs})


def test_contenders_take_turns():
    log = []
    contenders = [scripted(name, *[Sample(1)] * 3, log=log) for name in ("ferry", "floor")]
    result = compete(row(*contenders), 3)
    assert log == ["ferry", "floor"] * 3
    assert [len(samples) for samples in result.samples.values()] == [3, 3]


def test_a_row_knows_better_how_often_it_is_run():
    result = compete(row(scripted("ferry", *[Sample(1)] * 2), runs=2), 5)
    assert len(result.samples["ferry"]) == 2


def test_a_goal_is_a_ratio_of_medians():
    result = result_of([Sample(9), Sample(1), Sample(2)], [Sample(4), Sample(1), Sample(40)])
    assert result.measured(Goal("seconds", 0.5, "floor")) == 0.5
    assert result.met(Goal("seconds", 0.5, "floor"))
    assert not result.met(Goal("seconds", 0.49, "floor"))
    assert result.spread("ferry") == (1, 9)


def test_a_goal_without_a_rival_is_a_limit():
    result = result_of([Sample(1, memory=64 << 20)], [Sample(1)])
    assert result.met(Goal("memory", 64 << 20))
    assert not result.met(Goal("memory", (64 << 20) - 1))


def test_steps_add_up():
    both = Sample(1, 2, 30, 40, 5) + Sample(10, 20, 3, 400, 50)
    assert both == Sample(11, 22, 30, 400, 55)
    assert (Sample(1) + Sample(1, wire=5)).wire is None


def test_a_run_costs_time_and_memory():
    sample = measure.run("sh", "-c", "sleep 0.05")
    assert 0.05 <= sample.seconds < 5
    assert 100 << 10 < sample.memory < 100 << 20
    assert sample.disk == 0


def test_memory_is_the_largest_process_and_not_our_own():
    ballast = bytearray(100 << 20)
    sample = measure.shell("tail -c 1 < <(head -c 20M /dev/zero) | wc -c")
    assert sample.memory < len(ballast)
    filler = measure.run(sys.executable, "-c", "x = b'x' * (50 << 20)")
    assert 50 << 20 < filler.memory < len(ballast)


@pytest.mark.parametrize("script, status", [
    ("echo so it goes; exit 3", 3), ("echo so it goes; false | true", 1),
    ("echo so it goes >&2; cat /nowhere/at/all; true", 1), ("echo so it goes; $nothing", 1)])
def test_a_failing_command_is_no_measurement(script, status):
    with pytest.raises(BenchError, match=rf"(?s)bench.*exit {status}\n.*so it goes"):
        measure.shell(script)


def test_a_status_that_is_expected_is_one():
    measure.run("sh", "-c", "exit 5", expect=(0, 5))
    with pytest.raises(BenchError, match="exit 4"):
        measure.run("sh", "-c", "exit 4", expect=(0, 5))


def test_a_program_that_is_not_there_is_no_measurement():
    with pytest.raises(BenchError, match="no-such-program: exit 127"):
        measure.run("no-such-program")


def test_the_disk_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(measure.os, "statvfs", lambda folder: SimpleNamespace(
        f_blocks=1 << 20, f_bfree=(1 << 20) - measure.total_size(folder), f_frsize=1))
    (tmp_path / "there before").write_bytes(bytes(1000))
    sample = measure.shell("""
        head -c 5000 /dev/zero > "$1/file"; sleep 0.15; head -c 3000 /dev/zero > "$1/file"
        """, tmp_path, watch=[tmp_path])
    assert sample.disk == 5000


def reported():
    return result_of([Sample(1, 0.5, 20 << 20, 0, 1 << 30)], [Sample(0.8, 0.25, 1 << 20)],
                     Goal("seconds", 1.15, "floor"), Goal("seconds", 1.5, "floor"),
                     Goal("seconds", 0.05), Goal("memory", 64 << 20))


def test_the_report_as_text():
    lines = report.text(reported()).splitlines()
    assert lines[0] == "pack: the release"
    assert [line.split() for line in lines[2:4]] == [
        "ferry 1.00 1.00..1.00 1.00 x 0.50 20.0 MiB 0 B 1.0 GiB".split(),
        "floor 0.800 0.800..0.800 0.80 x 0.25 1.0 MiB 0 B -".split()]
    assert [line.strip() for line in lines[4:]] == [
        "goal: seconds <= 1.15 x floor: 1.25 MISSED", "goal: seconds <= 1.50 x floor: 1.25 met",
        "goal: seconds <= 0.050 s: 1.00 s MISSED", "goal: memory <= 64.0 MiB: 20.0 MiB met"]


def test_the_report_as_files(tmp_path):
    report.write(tmp_path / "new" / "report.json", ["machine: any"], [reported()])
    told = json.loads((tmp_path / "new" / "report.json").read_text())
    assert told["head"] == ["machine: any"]
    assert [(each["name"], each["seconds"]) for each in told["rows"][0]["contenders"]] == [
        ("ferry", 1), ("floor", 0.8)]
    assert [goal["met"] for goal in told["rows"][0]["goals"]] == [False, True, False, True]
    page = (tmp_path / "new" / "report.md").read_text()
    assert "- machine: any\n" in page and "\n## pack: the release\n" in page
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1 and len(table) == 4


def test_rows_are_chosen_by_name_and_pattern():
    rows = [Row(name, "", ()) for name in ("pack", "load", "load-again")]
    assert bench.chosen(rows, []) == rows
    assert bench.chosen(rows, ["load*"]) == rows[1:]
    assert bench.chosen(rows, ["load", "pack"]) == rows[:2]
    with pytest.raises(BenchError, match="no row unload: there are pack, load, load-again"):
        bench.chosen(rows, ["unload"])


def test_every_module_has_rows_of_different_names_that_cost_nothing_to_name():
    class Nothing:
        """A world in which looking at anything is an error."""

    rows = [each for module in bench.modules() for each in module.rows(Nothing())]
    assert len({each.name for each in rows}) == len(rows) > 5
    for each in rows:
        names = [contender.name for contender in each.contenders]
        assert len(set(names)) == len(names), each.name
        assert {goal.against for goal in each.goals} <= {"", *names}, each.name


class FakeWorld(nullcontext):
    """Enough of a world for rows that need nothing."""

    ferry = "/bin/true"

    def __init__(self, _small):
        super().__init__(self)


@pytest.mark.parametrize("options, status", [([], 0), (["--strict"], 1)])
def test_a_missed_goal_is_told(options, status, monkeypatch, tmp_path, capsys):
    class Module:
        """A module of one row."""

        @staticmethod
        def rows(_world):
            yield row(scripted("ferry", Sample(2)), scripted("floor", Sample(1)),
                      goals=(Goal("seconds", 1.15, "floor"), Goal("memory", 1)))

    monkeypatch.setattr(bench, "World", FakeWorld)
    monkeypatch.setattr(bench, "modules", lambda: [Module])
    with pytest.raises(SystemExit) as end:
        bench.main(["--runs", "1", "--out", str(tmp_path / "report.json"), *options])
    assert end.value.code == status
    assert "goal: seconds <= 1.15 x floor: 2.00 MISSED" in (out := capsys.readouterr().out)
    assert out.endswith("report.md; 1 of 2 goals missed\n")


def test_a_failing_contender_ends_the_benchmark_with_its_words(monkeypatch, tmp_path):
    class Module:
        """A module of one row that cannot be run."""

        @staticmethod
        def rows(_world):
            yield row(Contender("ferry", lambda: measure.shell("echo no room; exit 7")))

    monkeypatch.setattr(bench, "World", FakeWorld)
    monkeypatch.setattr(bench, "modules", lambda: [Module])
    with pytest.raises(SystemExit, match=r"(?s)bench\.py: .*exit 7\nno room"):
        bench.main(["--out", str(tmp_path / "report.json")])
    assert not (tmp_path / "report.json").exists()


def test_one_curl_writes_what_the_next_one_reads():
    assert rivals.escaped(["next", r'url = \"x\"']) == r'next\nurl = \"x\"\n'
