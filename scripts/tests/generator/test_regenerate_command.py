"""The command line of scripts/regenerate.py: what it writes, compares and refuses, and what a killed run leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import regenerate
import small_specs
from generator import output_tree

SCRIPTS = Path(__file__).resolve().parents[2]
SCRIPT = SCRIPTS / "regenerate.py"

Run = Callable[..., subprocess.CompletedProcess[str]]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def target(package: Path, tmp_path: Path) -> Path:
    """A package of the small spec, alone in its folder."""
    return Path(shutil.copytree(package, tmp_path / "out" / "aurous_client"))


# ---------------------------------------------------------------- writing and checking


def test_committed_package_is_up_to_date(run: Run) -> None:
    completed = run("--check")
    assert (completed.returncode, completed.stdout) == (0, "generated/aurous_client is what the spec gives\n"), (
        completed.stdout
    )


@pytest.mark.slow
def test_output_folder_can_be_chosen(run: Run, small: Path, tmp_path: Path, package: Path) -> None:
    target = tmp_path / "new" / "folder" / "aurous_client"
    completed = run("--spec", small, "--output", target)
    assert (completed.returncode, completed.stdout) == (0, f"wrote {target}\n")
    assert snapshot(target) == snapshot(package)
    assert [path.name for path in target.parent.iterdir()] == ["aurous_client"]
    assert (target / "py.typed").exists()
    assert run("--check", "--spec", small, "--output", target).returncode == 0


def test_change_of_the_spec_is_detected(run: Run, tmp_path: Path, target: Path) -> None:
    changes = {"paths /v1/things get summary": "Does anything"}
    spec = small_specs.write(tmp_path / "small.yaml", small_specs.document(at=changes))
    completed = run("--check", "--spec", spec, "--output", target)
    assert completed.returncode == 1
    assert completed.stdout.startswith(f"{target} is not what the spec gives; 2 path(s) differ:\n")
    assert "changed: api/things/list_things.py" in completed.stdout
    assert "changed: resources.py" in completed.stdout
    assert '+"""Does anything: GET /v1/things."""' in completed.stdout


def test_check_writes_nothing(run: Run, small: Path, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "aurous_client"
    completed = run("--check", "--spec", small, "--output", target)
    assert completed.returncode == 1
    assert "missing: resources.py" in completed.stdout
    assert not target.parent.exists()


def _append(folder: Path) -> None:
    with (folder / "types.py").open("a") as file:
        file.write("# more\n")


def _link(folder: Path) -> None:
    (folder / "types.py").rename(folder.parent / "types.py")
    (folder / "types.py").symlink_to(folder.parent / "types.py")


TAMPERINGS = {
    "changed byte": (_append, ["changed: types.py"]),
    "missing file": (lambda folder: (folder / "types.py").unlink(), ["missing: types.py"]),
    "missing folder": (lambda folder: shutil.rmtree(folder / "api" / "things"), ["missing: api/things/__init__.py"]),
    "stray file": (lambda folder: (folder / "api" / "note.txt").touch(), ["not generated: api/note.txt"]),
    "stray folder": (lambda folder: (folder / "api" / "empty").mkdir(), ["not generated: api/empty/"]),
    "missing marker": (lambda folder: (folder / "__init__.py").unlink(), ["missing: __init__.py"]),
    "link": (_link, ["not generated: types.py (a link)", "missing: types.py"]),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampered_package_is_detected(package: Path, target: Path, name: str) -> None:
    tamper, expected = TAMPERINGS[name]
    assert output_tree.differences(package, target) == []
    tamper(target)
    output = "\n".join(output_tree.differences(package, target))
    assert all(line in output for line in expected), output


def test_caches_are_not_reported_as_stray_files(package: Path, target: Path) -> None:
    (target / "models" / "__pycache__").mkdir()
    (target / "models" / "__pycache__" / "thing.pyc").touch()
    assert output_tree.differences(package, target) == []


def test_stray_files_beside_the_package_are_detected(target: Path) -> None:
    (target.parent / "notes.md").touch()
    (target.parent / "__pycache__").mkdir()
    assert output_tree.unexpected_siblings(target) == ["not generated: ../notes.md"]


def test_tampered_package_exits_1_and_is_rewritten(run: Run, small: Path, target: Path, package: Path) -> None:
    (target / "resources.py").unlink()
    _append(target)
    completed = run("--check", "--spec", small, "--output", target)
    assert completed.returncode == 1
    assert "missing: resources.py\nchanged: types.py\n" in completed.stdout
    assert "    -# more" in completed.stdout
    assert completed.stdout.endswith("python scripts/regenerate.py\n")
    assert run("--spec", small, "--output", target).returncode == 0
    assert snapshot(target) == snapshot(package)


# ---------------------------------------------------------------- the command line


def test_regenerate_usage_error_exits_2(run: Run, small: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine.txt").write_text("mine")
    for arguments, output in [
        (("--spec", tmp_path / "absent.yaml", "--output", tmp_path / "a"), "absent.yaml: No such file or directory"),
        (("--check", "--spec", tmp_path / "absent.yaml"), "absent.yaml: No such file or directory"),
        (("--spec", tmp_path, "--output", tmp_path / "a"), f"{tmp_path}: Is a directory"),
        (("--spec", small, "--output", foreign), f"{foreign} holds something else than a generated client"),
        (("--spec", small, "--output", file), f"{file} holds something else than a generated client"),
        (("--spec", small, "--output", file / "below"), f"{file}: File exists"),
        (("--spec", small, "--output", "/proc/aurous_client"), "/proc/"),
        (("--speck",), "unrecognized arguments: --speck"),
        (("--output",), "expected one argument"),
    ]:
        completed = run(*arguments)
        last = completed.stderr.splitlines()[-1]
        assert (completed.returncode, completed.stdout) == (2, ""), completed
        assert output in last
        assert last.startswith("regenerate: ")
        assert "Traceback" not in completed.stderr
    assert file.read_text() == "mine"
    assert snapshot(foreign) == {"mine.txt": b"mine"}
    assert not (tmp_path / "a").exists()


def test_empty_output_folder_is_accepted(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("--spec", small, "--output", tmp_path / "empty").returncode == 0


def test_similarly_named_folders_are_left_alone(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".client.d").mkdir()
    assert run("--spec", small, "--output", tmp_path / "out" / "client").returncode == 0
    assert (tmp_path / "out" / ".client.d").exists()


def test_help_describes_the_options(run: Run) -> None:
    completed = run("--help")
    assert completed.returncode == 0
    assert all(option in completed.stdout for option in ("--check", "--spec", "--output"))


def test_missing_tools_are_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(regenerate, "NEEDED", ("ruff", "no_such_package", "no_such.part"))
    completed = run("--check")
    assert completed.returncode == 2
    assert completed.stderr == "regenerate: no_such_package, no_such.part not installed; run: pip install -e '.[dev]'\n"


# ---------------------------------------------------------------- faults of the spec

BROKEN: dict[str, tuple[str | bytes, str]] = {
    "not YAML": ("openapi: 3.1.0\npaths: [\n", "broken.yaml:3: this is not YAML: "),
    "a tab": ("openapi: 3.1.0\npaths:\n\t/v1: {}\n", "broken.yaml:3: this is not YAML: "),
    "a key twice": (
        "openapi: 3.1.0\ninfo: {}\ninfo: {}\n",
        'broken.yaml:3: this is not YAML: found duplicate key "info"',
    ),
    "bad UTF-8": (b"openapi: \xff\n", "broken.yaml: this is not YAML: "),
    "empty": ("", "broken.yaml:1: this is not an OpenAPI document"),
    "a list": ("- 1\n", "broken.yaml:1: this is not an OpenAPI document"),
    "Swagger": ('swagger: "2.0"\n', "broken.yaml:1: this is not an OpenAPI document"),
    "OpenAPI 3.0": ("info: {}\nopenapi: 3.0.3\n", "broken.yaml:2 #/openapi: OpenAPI 3.0.3 is not 3.1"),
    "no info": ("openapi: 3.1.0\npaths: {}\n", "is a required property"),
    "a date": ("openapi: 3.1.0\ninfo:\n  version: 2026-05-15\n", "broken.yaml:3 #/info/version: a date is no JSON"),
    "paths as a list": ("openapi: 3.1.0\ninfo: {title: a, version: b}\npaths: []\n", "broken.yaml:3 #/paths: "),
    "part of itself": ("openapi: 3.1.0\ninfo: &x\n  title: *x\n", "broken.yaml:3 #/info/title: a YAML alias makes"),
    "very deep": ("openapi: 3.1.0\nx: " + "[" * 150 + "]" * 150, "nested more than 100 deep"),
    "deeper still": ("openapi: 3.1.0\nx: " + "[" * 500 + "]" * 500, "nested more than 100 deep"),
    "deepest": ("openapi: 3.1.0\nx: " + "[" * 6000 + "]" * 6000, "broken.yaml: nested too deeply"),
}


@pytest.mark.parametrize(
    # The last is too deep for the parser in C; the other one takes seconds.
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name == "deepest" else []) for name in BROKEN],
)
def test_unreadable_spec_is_refused_with_the_place(run: Run, tmp_path: Path, target: Path, name: str) -> None:
    text, output = BROKEN[name]
    spec = tmp_path / "broken.yaml"
    spec.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = snapshot(tmp_path / "out")
    completed = run("--spec", spec, "--output", target)
    assert (completed.returncode, completed.stdout) == (1, ""), completed
    assert output in completed.stderr
    assert completed.stderr.startswith("regenerate: the spec has ")
    assert "Traceback" not in completed.stderr
    assert snapshot(tmp_path / "out") == before


FAULTS = {
    "status as a number": ('"4XX":', "404:", "the name 404 is no string; write it in quotes"),
    "dangling reference": ('"#/components/schemas/Piece"', '"#/components/schemas/Absent"', "leads nowhere"),
    "foreign reference": ('"#/components/schemas/Piece"', '"https://example.com/x.json"', "leaves the file"),
    "circular reference": ('"minLength": 1', '"$ref": "#/components/schemas/Nick"', "leads back to itself"),
    "lone surrogate": ('"Does something"', '"\\ud800"', "lone surrogate"),
    "unknown type": (
        '"type": "number"',
        '"type": "decimal"',
        "/schemas/Thing/properties/amount/type: 'decimal' is not",
    ),
    "lower-case status": ('"4XX":', '"4xx":', "4xx"),
    "undeclared path parameter": ('"/v1/things/{id}"', '"/v1/things/{name}"', "name"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_invalid_spec_is_refused_with_the_place(run: Run, small: Path, target: Path, name: str) -> None:
    was, becomes, output = FAULTS[name]
    text = small.read_text()
    assert was in text
    small.write_text(text.replace(was, becomes))
    before = snapshot(target)
    completed = run("--spec", small, "--output", target)
    assert completed.returncode == 1, completed
    assert output in completed.stderr
    assert "small.yaml:" in completed.stderr
    assert "Traceback" not in completed.stderr
    assert snapshot(target) == before
    assert [path.name for path in target.parent.iterdir()] == ["aurous_client"]


def test_references_in_examples_are_not_resolved(run: Run, small: Path, tmp_path: Path) -> None:
    changes = {"components schemas Piece example": {"$ref": "#/anything"}}
    small_specs.write(small, small_specs.document(at=changes))
    assert run("--spec", small, "--output", tmp_path / "out").returncode == 0


# ---------------------------------------------------------------- killed runs


@pytest.mark.slow
def test_kill_while_generating_leaves_the_old_package(run: Run, small: Path, target: Path, tmp_path: Path) -> None:
    before = snapshot(target)
    pipe = tmp_path / "spec.pipe"
    os.mkfifo(pipe)
    arguments = [sys.executable, str(SCRIPT), "--spec", str(pipe), "--output", str(target)]
    # Opening the pipe to write waits until the run has opened it to read, and there the run now waits.
    with subprocess.Popen(arguments) as process, pipe.open("wb"):
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    left = sorted(path.name for path in target.parent.iterdir())
    assert left[-1] == "aurous_client"
    assert left[0].startswith(".aurous_client.staged-")
    assert snapshot(target) == before
    assert run("--check", "--spec", small, "--output", target).returncode == 0
    assert run("--spec", small, "--output", target).returncode == 0
    assert [path.name for path in target.parent.iterdir()] == ["aurous_client"]


KILLED_BETWEEN = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv.pop(1))
import regenerate
moves = iter(range(9))
rename = Path.rename
def killed(self, target):
    if next(moves) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = killed
regenerate.main()
"""


@pytest.mark.slow
def test_kill_between_the_moves_is_undone_by_the_next_run(run: Run, small: Path, target: Path) -> None:
    before = snapshot(target)
    arguments = [sys.executable, "-c", KILLED_BETWEEN, str(SCRIPTS), "--spec", str(small), "--output", str(target)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert not target.exists()
    # The next run is one that fails: the old tree is back all the same.
    assert run("--spec", target.parent / "absent.yaml", "--output", target).returncode == 2
    assert snapshot(target) == before
    assert run("--spec", small, "--output", target).returncode == 0
    assert [path.name for path in target.parent.iterdir()] == ["aurous_client"]


def test_failed_move_is_rolled_back(target: Path, tmp_path: Path) -> None:
    before = snapshot(target)
    with pytest.raises(OSError, match="No such file"):
        output_tree.replace(target, tmp_path / "absent")
    assert snapshot(target) == before


# ---------------------------------------------------------------- determinism


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_output_does_not_depend_on_the_environment(small: Path, tmp_path: Path, package: Path, seed: str) -> None:
    """The script itself, as people run it: from another folder, without PATH, under a hostile ruff configuration.

    And with a folder for temporary files that git ignores.
    """
    (tmp_path / "ruff.toml").write_text("line-length = 40\n[format]\nquote-style = 'single'\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*\n")
    arguments = [sys.executable, str(SCRIPT), "--spec", str(small), "--output", str(tmp_path / "aurous_client")]
    environment = {"PYTHONHASHSEED": seed, "PATH": "", "TMPDIR": str(tmp_path)}
    completed = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stderr) == (0, "")
    assert snapshot(tmp_path / "aurous_client") == snapshot(package)
