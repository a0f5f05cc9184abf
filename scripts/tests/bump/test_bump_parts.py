"""Versions, the changelog's entry, the archive of released specs, and what is left for a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from release import archive, changelog, versions
from release.versions import Version, VersionError

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("before", "part", "after"),
    [
        ("0.1.0", "major", "0.2.0"),
        ("0.1.3", "minor", "0.1.4"),
        ("0.1.3", "patch", "0.1.4"),
        ("0.1.3", "none", "0.1.3"),
        ("1.4.2", "major", "2.0.0"),
        ("1.4.2", "minor", "1.5.0"),
        ("1.4.2", "patch", "1.4.3"),
        ("1.9.9", "none", "1.9.9"),
    ],
)
def test_next_version_follows_semantic_versioning(before: str, part: str, after: str) -> None:
    assert str(Version.parse(before).after(part)) == after


def test_versions_are_ordered_as_numbers() -> None:
    assert Version.parse("0.10.0") > Version.parse("0.9.9")


@pytest.mark.parametrize("text", ["1.2", "1.2.3rc1", "", "a.b.c"])
def test_invalid_version_is_refused(text: str) -> None:
    with pytest.raises(VersionError):
        Version.parse(text)


@pytest.mark.parametrize("text", ["2026-9-1", "2026-13-01", "2026-02-30", "20260901", "latest", "2026-09-01 ", ""])
def test_invalid_api_date_is_refused(text: str) -> None:
    with pytest.raises(VersionError, match="not a version of the API"):
        versions.api_date(text)


LOG = """# Changelog

Words.

## Unreleased

Speaks Aurous-Version 2026-05-15.

### Fixed

- A fault.

## 0.1.0 - 2026-06-01

Speaks Aurous-Version 2026-05-15.
"""


def test_unreleased_entries_become_the_release() -> None:
    log = changelog.add(LOG, Version(0, 2, 0), "2026-09-01", "2026-09-02", "### Section")
    assert log == LOG.replace(
        "## Unreleased\n\nSpeaks Aurous-Version 2026-05-15.",
        "## 0.2.0 - 2026-09-02\n\nSpeaks Aurous-Version 2026-09-01.\n\n### Section",
    )


def test_entry_comes_first_without_unreleased_entries() -> None:
    log = changelog.add(LOG.replace("## Unreleased", "## 0.1.1"), Version(0, 2, 0), "2026-09-01", "2026-09-02", "### S")
    assert "Words.\n\n## 0.2.0 - 2026-09-02\n\nSpeaks Aurous-Version 2026-09-01.\n\n### S\n\n## 0.1.1\n" in log


def test_empty_changelog_gets_its_first_entry() -> None:
    log = changelog.add("# Changelog\n", Version(0, 2, 0), "2026-09-01", "2026-09-02", "### S")
    assert log.startswith("# Changelog\n## 0.2.0")


@pytest.fixture
def recorded_changelog(tmp_path: Path) -> Path:
    spec = tmp_path / "openapi.yaml"
    spec.write_text("openapi: 3.1.0\n")
    archive.add(tmp_path, spec, "2026-05-15", Version(0, 1, 0))
    archive.add(tmp_path, spec, "2026-09-01", Version(0, 2, 0))
    return tmp_path


def test_released_specs_are_listed_with_their_package_version(recorded_changelog: Path) -> None:
    output = [(spec.api_version, str(spec.package)) for spec in archive.check(recorded_changelog)]
    assert output == [("2026-05-15", "0.1.0"), ("2026-09-01", "0.2.0")]


def test_edited_released_spec_is_detected(recorded_changelog: Path) -> None:
    path = recorded_changelog / archive.FOLDER / "2026-05-15.yaml"
    path.write_text(path.read_text() + "# better\n")
    with pytest.raises(archive.ArchiveError, match=r"2026-05-15\.yaml was edited; only scripts/bump\.py writes it"):
        archive.check(recorded_changelog)


def test_removed_released_spec_is_detected(recorded_changelog: Path) -> None:
    (recorded_changelog / archive.FOLDER / "2026-05-15.yaml").unlink()
    with pytest.raises(archive.ArchiveError, match="is gone"):
        archive.check(recorded_changelog)


def test_unreleased_spec_in_the_archive_is_detected(recorded_changelog: Path) -> None:
    folder = recorded_changelog / archive.FOLDER
    (folder / "2026-07-01.yaml").write_text((folder / "2026-05-15.yaml").read_text())
    with pytest.raises(archive.ArchiveError, match=r"2026-07-01\.yaml was edited"):
        archive.check(recorded_changelog)


@pytest.mark.parametrize(("name", "text"), [("newest.yaml", "# Released with aurous-labs 0.1.0. x\n"), ("2026-07-01.yaml", "openapi: 3.1.0\n")])  # fmt: skip  # noqa: E501
def test_archived_spec_without_date_or_package_is_detected(recorded_changelog: Path, name: str, text: str) -> None:
    (recorded_changelog / archive.FOLDER / name).write_text(text)
    with pytest.raises(archive.ArchiveError, match="its name or its first line is wrong"):
        archive.check(recorded_changelog)


def test_newest_version_is_archived_again_with_its_corrections(recorded_changelog: Path) -> None:
    corrected = recorded_changelog / "openapi.yaml"
    corrected.write_text("openapi: 3.1.1\n")
    path = archive.add(recorded_changelog, corrected, "2026-09-01", Version(0, 2, 1))
    assert path.read_text().endswith("\nopenapi: 3.1.1\n")
    assert [str(spec.package) for spec in archive.check(recorded_changelog)] == ["0.1.0", "0.2.1"]


def test_earlier_version_is_not_archived_again(recorded_changelog: Path) -> None:
    with pytest.raises(archive.ArchiveError, match=r"2026-09-01\.yaml was released after 2026-05-15"):
        archive.add(recorded_changelog, recorded_changelog / "openapi.yaml", "2026-05-15", Version(0, 3, 0))


def test_committed_released_specs_are_unchanged() -> None:
    assert archive.check(ROOT)
