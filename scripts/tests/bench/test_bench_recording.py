"""Rounds of a group, and a record that is written group by group, interrupted and resumed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import bench
import pytest
from benchmarks import cores, groups, markdown, measurement, plot, records, server_process
from benchmarks.groups import Case, Claim, Group
from benchmarks.measurement import CaseError, Rounds
from benchmarks.stats import Sample

URL = "http://127.0.0.1:1"
README = f"# Title\n\n{markdown.SECTION.begin}<!-- to here -->\n\nThe end.\n"


def a_group(name: str) -> Group:
    cases = Case("aurous", (name, "aurous")), Case("openai", (name, "openai"))
    return Group(name, f"the group {name}", "us/call", cases, (Claim("aurous", "openai", 2),))


FIRST, SECOND, THIRD = GROUPS = tuple(map(a_group, ("first", "second", "third")))
Visit = Callable[[Case, dict[str, str]], Sample]


def visits_that_take(*figures: float) -> tuple[list[str], Visit]:
    """What was visited, and a visit that measures 10 for openai, and each of these in turn for aurous."""
    seen: list[str] = []
    ours: Iterator[float] = iter(figures)

    def visit(case: Case, values: dict[str, str]) -> Sample:
        seen.append(" ".join(case.command))
        return Sample(10.0 if case.name == "openai" else next(ours, figures[-1]))

    return seen, visit


def measured(monkeypatch: pytest.MonkeyPatch, visit: Visit, rounds: Rounds, seconds: float = 0) -> int:
    """How many rounds the first group gets where each round takes so many seconds."""
    monkeypatch.setattr(measurement, "_visit", visit)
    moments = iter(range(1000))
    results = measurement.measure(
        (FIRST,), URL, None, rounds=rounds, on_progress=lambda text: None, clock=lambda: next(moments) * seconds
    )
    assert len(results.series["first"]["aurous"].samples) == results.rounds["first"]
    return results.rounds["first"]


def test_group_with_stable_ratios_gets_the_fewest_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, visits_that_take(5.0)[1], Rounds(3, 7)) == 3


def test_group_with_unstable_ratios_gets_the_most_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, visits_that_take(*(5.0, 9.0) * 9)[1], Rounds(3, 7)) == 7


def test_slow_group_gets_no_round_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unstable = (5.0, 9.0) * 9
    assert measured(monkeypatch, visits_that_take(*unstable)[1], Rounds(3, 7, seconds=2.5), seconds=1) == 5
    assert measured(monkeypatch, visits_that_take(*unstable)[1], Rounds(3, 7, seconds=2.5), seconds=60) == 3


def test_failed_case_is_visited_once_and_has_no_series(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def visit(case: Case, values: dict[str, str]) -> Sample:
        seen.append(case.name)
        if case.name == "openai" and len(seen) > 2:
            raise CaseError("it failed")
        return Sample(1.0)

    monkeypatch.setattr(measurement, "_visit", visit)
    results = measurement.measure((FIRST,), URL, None, rounds=Rounds(3, 3), on_progress=lambda text: None)
    assert results.failed == {("first", "openai"): "it failed"}
    assert set(results.series["first"]) == {"aurous"}
    assert seen.count("openai") == 2


class Command:
    """`scripts/bench.py` with three groups, in a folder of its own, and visits that are not real."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.readme = folder / "README.md"
        self.readme.write_text(README)
        monkeypatch.setattr(records, "RATIOS", folder / "RATIOS.json")
        monkeypatch.setattr(records, "PICTURE", folder / "speed.svg")
        monkeypatch.setattr(records, "README", self.readme)
        monkeypatch.setattr(records, "source_digest", lambda: "of this source")
        for module in (groups, records):
            monkeypatch.setattr(module, "GROUPS", GROUPS)
        monkeypatch.setattr(server_process, "run_server", lambda core: nullcontext(URL))
        monkeypatch.setattr(cores, "pin", lambda core: None)
        monkeypatch.setattr(bench, "enter", lambda: None)
        monkeypatch.setattr(bench.signal, "signal", lambda *arguments: None)

    def run(self, *arguments: str, interrupted_at: str = "") -> tuple[int, list[str]]:
        """The exit code, and the groups that were measured."""
        seen, visit = visits_that_take(4.0)

        def interrupted(case: Case, values: dict[str, str]) -> Sample:
            if case.command[0] == interrupted_at:
                raise KeyboardInterrupt
            return visit(case, values)

        self._monkeypatch.setattr(measurement, "_visit", interrupted)
        self._monkeypatch.setattr(sys, "argv", ["bench.py", *arguments])
        code = bench.main()
        return code, list(dict.fromkeys(name.partition(" ")[0] for name in seen))

    def recorded(self) -> list[str]:
        """The groups of the record, whose plot and table are up to date."""
        record: dict[str, Any] = records.read()
        assert records.PICTURE.read_text(encoding="utf-8") == plot.draw(record)
        readme = self.readme.read_text(encoding="utf-8")
        assert readme == markdown.SECTION.replace(README, markdown.table(record))
        return list(record["groups"])


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)


def test_record_writes_ratios_plot_and_table(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run("--record") == (0, ["first", "second", "third"])
    assert command.recorded() == ["first", "second", "third"]
    assert "| the group first | 4 µs ±0% | openai 10 ±0%: **2.5x** |" in command.readme.read_text(encoding="utf-8")
    assert "the group third" in capsys.readouterr().out
    assert {path.name for path in command.readme.parent.iterdir()} == {"README.md", "RATIOS.json", "speed.svg"}


def test_interrupted_record_keeps_its_groups_and_is_resumed(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("--record", interrupted_at="second") == (130, ["first"])
    assert "1 groups were recorded; --record --resume measures the others." in capsys.readouterr().out
    assert command.recorded() == ["first"]
    assert command.run("--record", "--resume") == (0, ["second", "third"])
    assert command.recorded() == ["first", "second", "third"]
    assert command.run("--record", "--resume") == (0, [])
    assert command.run("--record") == (0, ["first", "second", "third"])


def test_resumed_record_measures_again_what_the_source_has_changed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.run("--record")
    monkeypatch.setattr(records, "source_digest", lambda: "of another source")
    assert command.run("--record", "--resume", interrupted_at="third") == (130, ["first", "second"])
    # What was not measured again stays as it was.
    assert command.recorded() == ["first", "second", "third"]
    assert command.run("--record", "--resume") == (0, ["third"])


def test_record_of_another_machine_is_not_mixed_in(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command.run("--record")
    monkeypatch.setattr(records, "machine", lambda: {"python": "CPython 9.9.9", "packages": {}})
    assert command.run("--record", interrupted_at="second") == (130, ["first"])
    assert command.recorded() == ["first"]


def test_group_with_a_failed_case_is_not_recorded(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command.run("--record")
    before = records.RATIOS.read_text(encoding="utf-8")

    def fail(case: Case, values: dict[str, str]) -> Sample:
        raise CaseError("it failed")

    monkeypatch.setattr(measurement, "_visit", fail)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--record"])
    assert bench.main() == 1
    assert records.RATIOS.read_text(encoding="utf-8") == before


def test_resume_without_record_is_refused(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.run("--resume")
    assert "--resume continues a record; add --record" in capsys.readouterr().err


def test_digest_of_the_source_changes_with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "REPOSITORY", tmp_path)
    (tmp_path / "generated").mkdir()
    source = tmp_path / "generated" / "module.py"
    digests = set()
    for text in ("a = 1", "a = 2"):
        source.write_text(text)
        digests.add(records.source_digest())
    assert len(digests) == 2
