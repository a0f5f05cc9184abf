"""The command line of the diff: its inputs, its three forms, its exit codes, and what it says when it cannot work."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import spec_diff
from generator.yaml_loader import load
from release import archive
from specdiff import comparison, redocly, render, sources
from specdiff.changes import Report

sys.path.insert(0, str(Path(__file__).parents[1] / "generator"))
import small_specs

# One that stays as it is, however openapi.yaml changes.
SPEC = archive.released(sources.ROOT)[0].path
VERSION = load(SPEC)["info"]["version"]
# As a maintainer would edit the file: what is there, and what comes instead.
EDITS = {
    f'version: "{VERSION}"': 'version: "2099-09-01"',
    "          minimum: 0\n          maximum: 2\n": "          minimum: 0\n          maximum: 1.5\n",
    "enum: [minimal, low, medium, high]": "enum: [minimal, low, medium, high, most]",
    "enum: [metered, exempt]": "enum: [metered, exempt, prepaid]",
    "      description: How a team is billed.\n": "      description: How the team is billed.\n",
}


def line_of(text: str, wanted: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if wanted in line)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = SPEC.read_text(encoding="utf-8")
    for old, new in EDITS.items():
        assert text.count(old) == 1, f"the spec no longer has one {old!r}"
        text = text.replace(old, new)
    path = tmp_path_factory.mktemp("edited") / "next.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def compared(edited: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, list[redocly.Difference]]:
    """The report on the edited spec, and what Redocly found for it, in one run of a second."""
    folder = tmp_path_factory.mktemp("compared")
    old, new = (sources.read(str(path), folder) for path in (SPEC, edited))
    differences: list[redocly.Difference] = []

    def compare(*given: Any) -> list[redocly.Difference]:
        differences.extend(run_redocly(*given))
        return list(differences)

    run_redocly = redocly.compare
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redocly, "compare", compare)
        return comparison.compare(old, new, folder), differences


@pytest.fixture
def report(compared: tuple[Report, list[redocly.Difference]]) -> Report:
    return compared[0]


@pytest.mark.slow
def test_json_report_has_the_lines_of_both_files(
    edited: Path,
    compared: tuple[Report, list[redocly.Difference]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redocly, "compare", lambda *_: list(compared[1]))
    assert spec_diff.main([str(SPEC), str(edited), "--json", "--fail-on", "breaking"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["bump"] == "major"
    assert report["counts"] == {"breaking": 1, "compatible": 2, "documentation": 2}
    assert (report["old"]["version"], report["new"]["version"]) == (VERSION, "2099-09-01")
    broken = report["changes"][0]
    assert (broken["kind"], broken["side"]) == ("request-bound-tightened", "request")
    assert broken["operations"] == ["POST /v1/chat/completions"]
    assert broken["new"]["line"] == line_of(edited.read_text(), "maximum: 1.5")
    assert broken["old"]["line"] == line_of(SPEC.read_text(), "maximum: 2")
    assert broken["new"]["pointer"] == "#/components/schemas/ChatCompletionRequest/properties/temperature/maximum"


def test_text_report_has_kind_side_and_line(report: Report, edited: Path) -> None:
    text = render.as_text(report)
    line = line_of(edited.read_text(), "maximum: 1.5")
    assert f"request-bound-tightened  request  next.yaml:{line}  in POST /v1/chat/completions" in text
    assert "1 breaking, 2 compatible, 2 documentation. This asks for a major release." in text
    assert text.index("Breaking (1)") < text.index("Compatible (2)") < text.index("Documentation only (2)")


def test_markdown_report_is_a_changelog_section(report: Report) -> None:
    markdown = render.as_markdown(report)
    assert markdown.startswith(f"### Aurous-Version {VERSION} -> 2099-09-01\n\n#### Breaking\n\n- `ChatComp")
    assert "- `BillingMode` (response): `enum` changed from `metered, exempt` to" in markdown
    assert not re.search(r"^#{1,2} ", markdown, re.MULTILINE)


def test_unchanged_revision_is_compared_without_redocly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redocly, "compare", None)
    assert spec_diff.main(["git:HEAD", "git:HEAD:openapi.yaml", "--fail-on", "any"]) == 0
    assert "This asks for no release." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("no/such.yaml", "no/such.yaml: No such file or directory"),
        ("git:no-such-revision", "invalid object name 'no-such-revision'"),
        ("git:", "name a revision, as in git:HEAD~1"),
        ("git:--help", "name a revision"),
        ("git:HEAD:nowhere.yaml", "nowhere.yaml"),
        ("README.md", "README.md:"),
        ("scripts", "scripts: Is a directory"),
        ("", "the name of the spec is empty"),
    ],
)
def test_unreadable_spec_is_reported_in_one_line_with_exit_2(
    given: str, reason: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sources.ROOT)
    assert spec_diff.main([given, str(SPEC)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("spec_diff: ")
    assert err.count("\n") == 1
    assert reason in err


@pytest.mark.parametrize(
    "text", ["openapi: 3.0.0\npaths: {}\n", "[]\n", "a: &x [*x]\n", "openapi: 3.1.0\npaths: 3\n", "\xff\xfe\x00"]
)
def test_document_that_is_no_spec_is_reported_in_one_line_with_exit_2(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(text.encode("latin-1"))
    assert spec_diff.main([str(path), str(SPEC)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("old", ["      required: [credits,", "  x-error-codes:", "      enum: [metered"])
def test_node_of_a_wrong_type_is_reported_in_one_line(
    old: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SPEC.read_text(encoding="utf-8")
    path = tmp_path / "odd.yaml"
    path.write_text(text.replace(old, f"{old.partition(':')[0]}: 57775\n{old.replace(':', '2:')}", 1), encoding="utf-8")
    assert spec_diff.main([str(SPEC), str(path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"spec_diff: odd.yaml:{line_of(path.read_text(), '57775')} #/")
    assert "57775 is not of type" in err
    assert err.count("\n") == 1


def test_missing_node_says_what_to_install(
    edited: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redocly, "BUNDLED_NODE", "a_package_that_is_not_installed")
    assert spec_diff.main([str(SPEC), str(edited)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"Node is not installed, which runs {redocly.PACKAGE}" in err
    assert "install Node" in err


@pytest.mark.slow
def test_system_without_node_uses_that_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    for path, summary in ((old, "before"), (new, "after")):
        path.write_text(json.dumps(small_specs.document(at={"paths /v1/things get summary": summary})))
    # npm starts programs by a shell.
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert spec_diff.main([str(old), str(new)]) == 0
    assert "breaking" in capsys.readouterr().out


def test_failing_redocly_is_reported_in_one_line(
    edited: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redocly, "PACKAGE", "./no-such-package")
    assert spec_diff.main([str(SPEC), str(edited)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("spec_diff: ./no-such-package failed: ")
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "kind", "effect"),
    [
        ("minimal, medium, high", "request-enum-value-removed", "breaking"),
        ("minimal, low, medium, high, most", "request-enum-value-added", "compatible"),
    ],
)
def test_change_within_a_schema_that_became_nullable_is_found(
    values: str, kind: str, effect: str, tmp_path: Path
) -> None:
    text = SPEC.read_text(encoding="utf-8")
    effort, enum = '$ref: "#/components/schemas/ReasoningEffort"', "enum: [minimal, low, medium, high]"
    nullable = f'          anyOf:\n            - {effort}\n            - type: "null"\n          default: null\n'
    assert text.count(nullable) == text.count(enum) == 1
    before, after = tmp_path / "before.yaml", tmp_path / "after.yaml"
    before.write_text(text.replace(nullable, f"          {effort}\n"), encoding="utf-8")
    after.write_text(text.replace(enum, f"enum: [{values}]"), encoding="utf-8")
    folder = tmp_path / "compared"
    folder.mkdir()
    report = comparison.compare(*(sources.read(str(path), folder) for path in (before, after)), folder)
    assert {(change.kind, change.effect.value) for change in report.changes} == {
        (kind, effect),
        ("request-type-widened", "compatible"),
    }
