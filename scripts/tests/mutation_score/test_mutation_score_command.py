"""The command line of `scripts/mutation_score.py`; what it runs has its tests in `conformance/selftest/mutants`."""

from __future__ import annotations

import mutation_score
import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nothing"], "mutation_score: no variant is called nothing"),
        (["--record", "--related"], "--related may miss what other rules catch"),
        (["--workers", "0"], "argument --workers: '0' is not a whole number of at least 1"),
        (["--together", "0"], "argument --together: '0' is not a whole number of at least 1"),
        (["--sample", "-1"], "argument --sample: '-1' is not a whole number of at least 1"),
        (["--json", "no/such/folder/x.json"], "there is no folder"),
        (["--server", "other"], "argument --server: invalid choice: 'other'"),
    ],
)
def test_mutation_score_usage_error_exits_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("sys.argv", ["mutation_score.py", *arguments])
    with pytest.raises(SystemExit) as end:
        mutation_score.main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err
