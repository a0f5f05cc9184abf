"""The command line of the audit: output, exit codes, accepted differences, and usage errors."""

from __future__ import annotations

import json
from pathlib import Path

import audit_docs
import pytest
from audit import acceptance
from release import archive

# Pages of the first version with their accepted differences; independent of later changes to openapi.yaml.
PAGES = Path(__file__).resolve().parent / "pages"
ACCEPTED = PAGES / "accepted.yaml"
SPEC = archive.released(audit_docs.ROOT)[0].path
KEPT = ["--spec", str(SPEC), "--accepted", str(ACCEPTED)]


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    path = tmp_path / "create.txt"
    text = (PAGES / "create.txt").read_text(encoding="utf-8")
    path.write_text(text.replace("0 <= x <= 20", "0 <= x <= 10"), encoding="utf-8")
    return path


def test_matching_pages_exit_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_docs.main([str(path) for path in sorted(PAGES.glob("*.txt"))] + KEPT) == 0
    assert capsys.readouterr().out.startswith("4 page(s), 0 difference(s), ")


def test_difference_is_printed_with_line_and_pointer_and_exits_1(
    edited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit_docs.main([str(edited), *KEPT]) == 1
    line = edited.read_text().splitlines().index("Required range: 0 <= x <= 10") + 1
    assert capsys.readouterr().out.splitlines()[:3] == [
        "create.txt: POST /v1/chat/completions",
        f"  create.txt:{line}: different: Body: top_logprobs: maximum is 10 on the page, 20 in the spec",
        "    #/components/schemas/ChatCompletionRequest/properties/top_logprobs/maximum",
    ]


def test_audit_json_has_accepted_differences_with_reasons(edited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_docs.main([str(edited), "--json", *KEPT]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["open"] == 1
    reasons = [row["reason"] for row in document["differences"]]
    assert len(reasons) > 10
    assert reasons.count("") == 1


def test_all_shows_accepted_and_unused_entries(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_docs.main([str(PAGES / "balance.txt"), "--all", *KEPT]) == 0
    out = capsys.readouterr().out
    assert "accepted: Required on the newest page" in out
    assert "match nothing on these pages" in out


def test_every_accepted_difference_occurs_on_the_kept_pages() -> None:
    entries = acceptance.load(ACCEPTED)
    acceptance.mark(audit_docs.audit(sorted(PAGES.glob("*.txt")), str(SPEC)), entries)
    assert [entry for entry in entries if not entry.uses] == []


def test_committed_accepted_differences_are_valid() -> None:
    assert acceptance.load(audit_docs.ACCEPTED)


def test_older_spec_can_be_audited(edited: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    text = SPEC.read_text(encoding="utf-8")
    spec.write_text(text.replace("          maximum: 20\n", "          maximum: 10\n"), encoding="utf-8")
    assert audit_docs.main([str(edited), "--spec", str(spec), "--accepted", str(ACCEPTED)]) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("- about: type\n", "entry 1 has no reason"),
        ("- reason: x\n  why: y\n", "entry 1 may have"),
        ("- reason: x\n  kind: odd\n", "kind is one of"),
        ("- [\n", "this is not YAML"),
        ("text\n", "entry 1 may have"),
    ],
)
def test_invalid_accepted_file_is_one_line(
    content: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "accepted.yaml"
    path.write_text(content)
    assert audit_docs.main([str(PAGES / "balance.txt"), "--accepted", str(path)]) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello\n", "no method and path, so this is not a reference page"),
        (b"", "no method and path"),
        (b"GET\n", "no method and path"),
        (b"\xff\xfeG\x00", "odd.txt: not UTF-8 text"),
    ],
)
def test_invalid_page_is_one_line_and_exits_2(
    content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(content)
    assert audit_docs.main([str(path)]) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[""], ["page.txt", "--accepted", ""]])
def test_empty_name_of_a_file_is_said_to_be_empty(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        audit_docs.main(arguments)
    assert end.value.code == 2
    assert "the name of the file is empty" in capsys.readouterr().err


def test_missing_page_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_docs.main(["no/such/page.txt"]) == 2
    assert capsys.readouterr().err == "audit_docs: no/such/page.txt: No such file or directory\n"
