"""The dry run of a batch: what it shows, refuses and warns of, and that it changes nothing."""

from __future__ import annotations

import json
import mmap
import re
import time
from pathlib import Path

import pytest
from aurous.batch.journal import MARK
from aurous.testing import AurousMock
from clientkit.batches import contents_of, prompts, write_lines
from clientkit.command_line import run


def test_dry_run_sends_nothing_and_needs_no_key(tmp_path: Path, target: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [*prompts(2), "nonsense"])
    result = run("batch", str(source), "-o", str(target), "--dry-run")
    assert result.status == 4
    assert json.loads(result.out)["messages"] == [{"role": "user", "content": "Say 1."}]
    assert result.lines[0] == "line 3: it is not JSON"
    assert result.lines[1].startswith("2 lines would be sent, ")
    assert not target.exists()
    figures = json.loads(run("batch", str(source), "--dry-run", "--json").out)
    assert (figures["to_send"], figures["invalid"]) == (2, 1)
    assert result.lines[1].endswith(" Nothing was sent; this is the first body")
    nothing = run("batch", str(write_lines(source, ["nonsense"])), "--dry-run")
    assert (nothing.out, nothing.lines[1].endswith(" Nothing was sent")) == ("", True)


def interrupt(source: Path, target: Path, hours: float) -> dict[str, bytes]:
    """Finish a job, and leave it as if its last answer had been torn so long ago. Returns the files."""
    assert run("batch", str(source), "-o", str(target), "--quiet", "--ordered").status == 0
    content = target.read_bytes()
    target.write_bytes(content[:-5])
    journal = target.with_name(f"{target.name}.journal")
    job = json.loads(content.splitlines()[0])["aurous"]["job"]
    document = json.dumps({"job": job, "runs": [[20, time.time() - hours * 3600]], "failed": {}})
    journal.write_bytes(MARK.pack(0, 0.0).ljust(mmap.PAGESIZE, b"\0") + document.encode())
    return contents_of(target.parent)


@pytest.mark.parametrize("hours", [1, 30])
def test_dry_run_says_what_a_run_would_do_with_an_output(
    aurous_mock: AurousMock, source: Path, target: Path, hours: int
) -> None:
    before = interrupt(source, target, hours)
    figures = run("batch", str(source), "-o", str(target), "--dry-run", "--json")
    assert figures.status == 0
    shown = json.loads(figures.out)
    assert (shown["to_send"], shown["in_flight_before"], shown["skipped"]) == (1, 1, 19)
    warned = [line for line in figures.lines if "was in flight when an earlier run ended, 30 hours ago" in line]
    assert len(warned) == (hours == 30)
    assert (
        "1 line would be sent (1 of them were in flight before)"
        in run("batch", str(source), "-o", str(target), "--dry-run").lines[-1]
    )
    assert (contents_of(target.parent), len(aurous_mock.ledger())) == (before, 20)


def test_dry_run_refuses_what_a_run_would_refuse(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    interrupt(source, target, 1)
    common = ["batch", str(source), "-o", str(target)]
    for flags, expected in [
        (["--system", "Be brief."], "line 1 of the input is not the one that"),
        (["--job", "another"], "belongs to the job"),
        (["--budget", "much"], "budget: 'much' is not a number of credits"),
    ]:
        before = contents_of(target.parent)
        shown = run(*common, "--dry-run", *flags)
        assert (shown.status, expected in shown.line) == (2, True)
        assert contents_of(target.parent) == before
        assert run(*common, *flags).line.startswith(shown.line[:40])


def test_dry_run_refuses_a_missing_folder_as_a_run_does(source: Path, tmp_path: Path) -> None:
    for target, reason in [(tmp_path / "no" / "a", "No such file or directory"), (source / "a", "Not a directory")]:
        for flags in ([], ["--dry-run"]):
            result = run("batch", str(source), "-o", str(target), *flags, env={"AUROUS_API_KEY": "key"})
            assert (result.status, result.line) == (2, f"cannot write {target}: {reason}")


def test_row_that_was_answered_or_sent_before_is_called_a_row(
    aurous_mock: AurousMock, tmp_path: Path, target: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_text("prompt\n" + "".join(f"{prompt}\n" for prompt in ("Say 1.", "Say 2.")))
    interrupt(source, target, 25)
    command = ["batch", str(source), "-o", str(target), "--dry-run"]
    assert any(re.match(r"warning: row \d .* was in flight", line) for line in run(*command).lines)
    assert re.match(r"row \d of the input is not the one", run(*command, "--system=Be brief.").line)
