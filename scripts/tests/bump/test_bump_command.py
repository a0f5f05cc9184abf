"""The command lines of bump and spec gate: what they refuse, and that interruptions change nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bump
import pytest
import rehearsal
import spec_gate
from rehearsal import NEXT
from release import apply, archive, bump_steps, versions
from release.versions import Version
from specdiff import comparison
from specdiff.changes import Change, Report
from specdiff.kinds import Effect
from specdiff.redocly import RedoclyError
from specdiff.usage import Side

pytestmark = pytest.mark.slow

CHANGE = Change("operation-removed", Effect.BREAKING, Side.CALL, "GET /v1/balance", "is gone")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with a spec for the next version, committed."""
    root = rehearsal.tree(tmp_path_factory.mktemp("tree"))
    rehearsal.edit(root / "openapi.yaml")
    rehearsal.commit(root, "What the pages of the next version say")
    return root


@pytest.fixture(autouse=True)
def unchanged(tree: Path) -> object:
    """Whatever a test does, the tree is afterwards as it was."""
    head = rehearsal.git(tree, "rev-parse", "HEAD")
    yield
    assert apply.changed(tree) == []
    assert rehearsal.git(tree, "rev-parse", "HEAD") == head
    assert not (tree / ".git" / "aurous-bump").exists()


def run_bump(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return rehearsal.run(tree, "scripts/bump.py", *arguments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["2027-9-1"], "'2027-9-1' is not a version of the API"),
        (["9999-01-01"], "9999-01-01 is more than two years ahead; check the year"),
        ([NEXT, "--day", "nonsense"], "'nonsense' is not a date such as 2026-09-01"),
        ([NEXT, "--day", "2027-02-30"], "'2027-02-30' is not a date"),
        ([NEXT, "--day", "9999-01-01"], "9999-01-01 is more than two years ahead"),
        (["2000-01-01"], "2000-01-01 is earlier than"),
        ([], "name the DATE to bump to, or --recover"),
        ([NEXT, "--recover"], "name the DATE to bump to, or --recover"),
        ([NEXT, "--no-such-option"], "unrecognized arguments"),
    ],
)
def test_bump_usage_error_exits_2(
    tree: Path,
    arguments: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bump, "ROOT", tree)
    try:
        code = bump.main(arguments)
    except SystemExit as error:
        code = int(str(error.code))
    assert code == 2
    assert reason in capsys.readouterr().err


def test_dirty_tree_is_refused(tree: Path) -> None:
    path = tree / "left.txt"
    path.write_text("x")
    result = run_bump(tree, NEXT)
    path.unlink()
    assert result.returncode == 2
    assert result.stderr == "bump: the tree is not clean (1 path(s), left.txt among them); commit them first\n"


@pytest.fixture
def quick(tree: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The bump in this process, without Redocly and other programs; what it would have run."""
    ran: list[list[str]] = []
    monkeypatch.setattr(bump, "ROOT", tree)
    monkeypatch.setattr(bump_steps, "run", lambda root, command, fault: ran.append(command))
    monkeypatch.setattr(comparison, "compare", lambda old, new, folder: Report.of(old, new, [CHANGE]))
    return ran


def test_dry_run_changes_nothing(tree: Path, quick: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert bump.main([NEXT, "--dry-run", "--tests", "a", "--tests", "b"]) == 0
    after = versions.read(tree).after("major")
    assert f"would change 6 file(s); aurous-labs {after} speaks {NEXT}" in capsys.readouterr().out
    assert [command[1:] for command in quick] == [["scripts/regenerate.py"], ["-m", "pytest", "-q", "a", "b"]]


def test_package_version_raised_by_hand_is_kept(
    tree: Path, quick: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    now = versions.read(tree)
    versions.write(tree, Version(7, 0, 0))
    rehearsal.commit(tree, "Raise the version")
    try:
        assert bump.main([NEXT, "--dry-run", "--no-tests"]) == 0
    finally:
        rehearsal.git(tree, "reset", "--quiet", "--hard", "HEAD~1")
    assert f"aurous-labs 7.0.0 speaks {NEXT}" in capsys.readouterr().out
    assert versions.read(tree) == now


def test_correction_of_the_released_version_is_a_release_with_a_later_package_version(
    tree: Path, quick: list[list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    last = archive.released(tree)[-1]
    added = replace(CHANGE, kind="request-member-added-optional", effect=Effect.COMPATIBLE)
    monkeypatch.setattr(comparison, "compare", lambda old, new, folder: Report.of(old, new, [added]))
    assert bump.main([last.api_version, "--dry-run", "--no-tests"]) == 0
    output = capsys.readouterr().out
    assert f"aurous-labs {last.package.after('minor')} speaks {last.api_version}" in output
    assert f"diff against {last.api_version} as archived for aurous-labs {last.package}\n" in output


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([CHANGE], "1 breaking change(s) within {0.api_version}, see spec_gate.py; name a later version"),
        ([], "nothing changed since aurous-labs {0.package}; raise the version in overlays/aurous/_version.py"),
    ],
)
def test_released_version_is_released_again_only_with_compatible_changes(
    tree: Path,
    quick: list[list[str]],
    changes: list[Change],
    reason: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = archive.released(tree)[-1]
    monkeypatch.setattr(comparison, "compare", lambda old, new, folder: Report.of(old, new, changes))
    assert bump.main([last.api_version, "--no-tests"]) == 1
    assert f"bump: {reason.format(last)}; nothing was changed" in capsys.readouterr().err


def test_affected_tests_run_before_all_others(tree: Path, quick: list[list[str]]) -> None:
    assert bump.main([NEXT, "--dry-run"]) == 0
    affected, all_quick, slow = [command[1:] for command in quick[-3:]]
    assert affected[:4] == ["scripts/test.py", "-x", "-m", "not slow"]
    # The planted change removes GET /v1/balance.
    assert "overlays/tests/billing/test_receipts.py" in affected[4:]
    assert "scripts/tests/generator/test_pins.py" in affected[4:]
    assert all_quick == ["scripts/test.py"]
    assert slow == ["scripts/test.py", "-m", "slow"]


ENDLESS = """
import os, subprocess, sys
program = "import time; time.sleep(60); print('survived')"
with open(os.environ["PIPE"], "w") as pipe:
    child = subprocess.Popen([sys.executable, "-c", program], stdout=pipe)
    print("started", file=pipe, flush=True)
    child.wait()
"""


def test_interrupted_bump_ends_its_tests(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "test_endless.py").write_text(ENDLESS)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    environment = {**rehearsal.environment(tree), "TMPDIR": str(tmp_path), "PIPE": str(pipe)}
    command = [sys.executable, "scripts/bump.py", NEXT, "--tests", str(tmp_path / "test_endless.py")]
    with (
        subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL) as process,
        pipe.open() as written,
    ):
        assert written.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        # The pipe ends when all who could write to it have ended.
        assert written.read() == ""
    assert process.returncode == 130
    assert not list(tmp_path.glob("aurous-bump-*"))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("fault", "code", "output"),
    [
        (bump_steps.BumpError("tests fail"), 1, "bump: tests fail; nothing was changed\n"),
        (RedoclyError("Node is not installed"), 1, "bump: Node is not installed; nothing was changed\n"),
        (KeyboardInterrupt(), 130, "bump: interrupted; nothing was changed\n"),
    ],
)
def test_failing_step_is_reported_on_one_line(
    fault: BaseException, code: int, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(bump_steps, "run", fail)
    assert bump.main([NEXT]) == code
    assert capsys.readouterr().err == output


def test_interrupted_application_changes_nothing(
    tree: Path, quick: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace = os.replace

    def interrupt(source: str, target: str) -> None:
        if str(target).endswith("_version.py") and "new" in Path(source).parts:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupt)
    assert bump.main([NEXT]) == 130
    assert capsys.readouterr().err == "bump: interrupted; nothing was changed\n"


@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("- openapi.yaml", signal.SIGKILL),
        ("- generated/", signal.SIGINT),
        ("- generated/", signal.SIGTERM),
        ("- diff", signal.SIGKILL),
        ("- diff", signal.SIGTERM),
    ],
)
def test_signal_at_any_step_changes_nothing(tree: Path, step: str, number: signal.Signals, tmp_path: Path) -> None:
    # What a killed bump leaves in the system's folder for such things is to go with this test.
    environment = {**rehearsal.environment(tree), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "scripts/bump.py", NEXT, "--no-tests"]
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert any(line.startswith(step) for line in process.stdout)
        process.send_signal(number)
        output = process.stderr.read()
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), output
    if number != signal.SIGKILL:
        # A program that was running may have last words of its own.
        assert "bump: interrupted; nothing was changed" in output.splitlines()


def test_spec_gate_passes_with_a_raised_version(tree: Path) -> None:
    versions.write(tree, versions.read(tree).after("major"))
    result = rehearsal.run(tree, "scripts/spec_gate.py")
    rehearsal.git(tree, "checkout", "--quiet", ".")
    assert result.returncode == 0, result.stderr
    assert "#### Breaking" in result.stdout


def test_spec_gate_refuses_a_root_that_is_no_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        spec_gate.main(["--root", "no/such"])
    assert "no/such is no folder" in capsys.readouterr().err


def test_spec_gate_detects_an_edited_released_spec(tree: Path) -> None:
    path = archive.released(tree)[0].path
    path.write_text(path.read_text() + "\n")
    result = rehearsal.run(tree, "scripts/spec_gate.py")
    rehearsal.git(tree, "checkout", "--quiet", ".")
    assert result.returncode == 1
    assert "was edited; only scripts/bump.py writes it" in result.stderr
