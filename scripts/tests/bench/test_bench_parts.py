"""Statistics, thresholds, payloads and reports of the benchmarks."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import bench
import pytest
from benchmarks import groups, markdown, measurement, payloads, plot, raw_clients, records, stats, table, thresholds
from benchmarks.groups import Case, Claim, Group
from benchmarks.measurement import Results
from benchmarks.payloads import StreamSpec
from benchmarks.stats import Sample, Series

GROUP = Group(
    "stream",
    "streamed event",
    "us/event",
    (Case("aurous", ()), Case("openai", ()), Case("httpx-sse", ())),
    (Claim("aurous", "openai", 10), Claim("aurous", "httpx-sse", 1.3), Claim("openai", "httpx-sse")),
)


def series(*numbers: float, share: float | None = None) -> Series:
    return Series(tuple(Sample(number, share) for number in numbers))


def results(**numbers: float) -> Results:
    return Results(series={"stream": {name.replace("_", "-"): series(number) for name, number in numbers.items()}})


def test_series_has_median_and_half_interquartile_range() -> None:
    assert series(10, 11, 12, 13, 100).median == 12
    assert series(10, 11, 12, 13, 100).spread == pytest.approx(1 / 12)
    assert series(10).spread == 0


def test_ratio_compares_figures_of_the_same_round() -> None:
    # The machine was slow in the second round, so the two medians come from different rounds.
    assert stats.ratio(series(100, 1000, 110), series(10, 100, 11)) == 10
    assert stats.ratio(series(20, 30, 40), series(10, 10, 10)) == 3


@pytest.mark.parametrize("group", groups.GROUPS, ids=lambda group: group.name)
def test_claims_name_existing_cases(group: Group) -> None:
    names = [case.name for case in group.cases]
    assert len(set(names)) == len(names)
    assert group.claims
    for claim in group.claims:
        assert claim.ours in names
        assert claim.peer in names
        assert claim.least is None or claim.least > 0


def test_groups_are_selected_by_prefix() -> None:
    assert [group.name for group in groups.select(["fan", "call"])] == ["fan-out", "fan-out-paced", "call"]
    assert groups.select([]) == groups.GROUPS
    with pytest.raises(LookupError, match="no group is called nothing; choose from stream, async-stream"):
        groups.select(["call", "nothing"])


def test_every_second_round_visits_cases_in_reverse() -> None:
    other = Group("other", "", "ms", (Case("one", ()), Case("two", ())), (), visits=2)
    assert [case.name for case in measurement.visits(GROUP, 0)] == ["aurous", "openai", "httpx-sse"]
    assert [case.name for case in measurement.visits(GROUP, 1)] == ["httpx-sse", "openai", "aurous"]
    assert [case.name for case in measurement.visits(other, 0)] == ["one", "two", "two", "one"]
    assert [case.name for case in measurement.visits(other, 1)] == ["two", "one", "one", "two"]


@pytest.mark.parametrize(("ratio", "status"), [(10.0, "ok"), (9.99, "short")])
def test_ratio_below_its_target_is_short(ratio: float, status: str) -> None:
    outcome, *_ = thresholds.evaluate(GROUP, {"aurous": series(1), "openai": series(ratio)})
    assert (outcome.ratio, outcome.status) == (ratio, status)


def test_unmeasured_cases_are_not_evaluated() -> None:
    assert thresholds.evaluate(GROUP, {"aurous": series(1)}) == []
    outcomes = thresholds.evaluate(GROUP, {"openai": series(5), "httpx-sse": series(1)})
    assert [(outcome.claim.title, outcome.status) for outcome in outcomes] == [("httpx-sse / openai", "")]


def test_ratio_more_than_a_fifth_worse_is_a_regression() -> None:
    committed = {"stream": {"openai / aurous": 10.0, "gone / aurous": 3.0}}
    same = thresholds.evaluate(GROUP, {"aurous": series(1), "openai": series(8.0), "httpx-sse": series(0.1)})
    assert list(thresholds.regressions(same, committed)) == []
    worse = thresholds.evaluate(GROUP, {"aurous": series(1), "openai": series(7.9)})
    (regression,) = thresholds.regressions(worse, committed)
    assert str(regression) == "stream: openai / aurous was 10.00x and is 7.90x, 21% worse"


def test_file_that_cannot_be_written_is_refused_before_the_measurement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["bench.py", "--json", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        bench.main()
    assert end.value.code == 2
    assert f"{tmp_path} is a folder, and no file" in capsys.readouterr().err


def test_saturated_server_is_reported() -> None:
    series_by_name = {"quick": series(1, 1, 1, share=0.9), "slow": series(1, 1, 1, share=0.8), "none": series(1)}
    assert list(thresholds.saturated(series_by_name)) == [("quick", 0.9)]


@pytest.mark.parametrize("spec", [StreamSpec(20_000, 0), StreamSpec(100, 0.05)])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_stream_spec_is_parsed_from_the_model_name(spec: StreamSpec, separators: tuple[str, str]) -> None:
    body = json.dumps({**raw_clients.body(spec.model, stream=True)}, separators=separators).encode()
    assert payloads.parse_stream_spec(body) == spec
    assert (
        payloads.parse_stream_spec(json.dumps(raw_clients.body("aurous-grow-2.0-pro", stream=False)).encode()) is None
    )


def test_stream_has_one_event_per_piece_and_http_chunk() -> None:
    spec = StreamSpec(50, 0)
    pieces = list(payloads.stream(spec.events))
    assert len(pieces) == spec.events
    assert pieces[0].startswith(payloads.STREAM_HEAD)
    for piece in pieces[1:-1]:
        size, _, rest = piece.partition(b"\r\n")
        assert rest.startswith(b"data: {")
        assert rest.endswith(b"}\n\n\r\n")
        assert int(size, 16) == len(rest) - 2
    assert pieces[-1].endswith(payloads.chunked(payloads.DONE) + b"0\r\n\r\n")


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_raw_client_reads_the_same_lines_over_any_cuts(size: int) -> None:
    spec, data = StreamSpec(30, 0), b"".join(payloads.stream(30))
    reader = raw_clients.Lines()
    lines = [line for start in range(0, len(data), size) for line in reader.feed(data[start : start + size]) if line]
    frames = [json.loads(line.removeprefix(b"data: ")) for line in lines[:-1]]
    assert lines[-1] == b"data: [DONE]"
    assert len(frames) == spec.events
    assert sum(len(frame["choices"][0]["delta"].get("content", "")) for frame in frames) == spec.characters
    assert frames[0]["choices"][0]["delta"]["role"] == "assistant"
    assert frames[-1]["choices"][0]["finish_reason"] == "stop"
    assert frames[-1]["usage"]["total_tokens"] == 52


def test_completion_has_its_content_length() -> None:
    head, _, content = payloads.completion().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head.splitlines()
    assert len(json.loads(content)["choices"][0]["message"]["content"]) == payloads.answer_length()


def test_table_has_figures_ratios_and_targets() -> None:
    measured = results(aurous=5.0, openai=60.0)
    measured.missing["stream", "httpx-sse"] = "httpx_sse is not installed"
    lines = list(table.lines((GROUP,), measured))
    assert lines[1] == "streamed event"
    assert [line.split() for line in lines[3:]] == [
        ["aurous", "5.0", "0%", "200,000"],
        ["openai", "60.0", "0%", "16,667", "12.00x", ">=", "10x", "ok"],
        ["httpx-sse", "not", "measured:", "httpx_sse", "is", "not", "installed"],
    ]


def test_table_has_failures_and_claims_between_peers() -> None:
    measured = results(openai=60.0, httpx_sse=6.0)
    measured.series["stream"]["openai"] = series(60.0, share=0.99)
    measured.failed["stream", "aurous"] = "ValueError: no"
    lines = list(table.lines((GROUP,), measured))
    assert lines[3].split() == ["aurous", "failed:", "ValueError:", "no"]
    assert lines[6].split() == ["httpx-sse", "/", "openai", "0.10x"]
    assert lines[7].startswith("! the server was busy for 99% of the time of openai")


def parsed(drawn: str) -> ElementTree.Element:
    # Of our own making.
    return ElementTree.fromstring(drawn)  # noqa: S314


def a_record(**numbers: float) -> dict[str, Any]:
    return records.record((GROUP,), results(**numbers))


def test_record_is_json_without_the_machines_name() -> None:
    record = json.loads(records.as_json(a_record(aurous=5.123456, openai=60.0)))
    assert record["groups"]["stream"]["cases"]["aurous"]["median"] == 5.12
    assert record["groups"]["stream"]["targets"] == {"openai / aurous": 10.0, "httpx-sse / aurous": 1.3}
    assert records.ratios(record) == {"stream": {"openai / aurous": 11.7}}
    assert set(record["groups"]["stream"]["measured"]) == {"date", "commit", "source", "load", "rounds"}
    assert set(record["machine"]) == {"python", "system", "cores", "packages"}


def test_invalid_record_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RATIOS", tmp_path / "RATIOS.json")
    with pytest.raises(records.RecordError, match=r"there is no RATIOS\.json to compare with; make one with --record"):
        records.read()
    for wrong in ("", "[]", "{}", '{"groups": {"stream": {}}}', '{"groups": 1}'):
        records.RATIOS.write_text(wrong)
        with pytest.raises(records.RecordError, match="make a new one with --record"):
            records.read()
    records.RATIOS.write_text(records.as_json(a_record(aurous=5, openai=60)))
    assert records.ratios(records.read()) == {"stream": {"openai / aurous": 12.0}}


def test_plot_is_small_and_to_scale() -> None:
    drawn = plot.draw(a_record(aurous=5.0, openai=60.0, httpx_sse=15.0))
    root = parsed(drawn)
    space = "{http://www.w3.org/2000/svg}"
    widths = {bar.get("class"): float(bar.get("width") or 0) for bar in root.iter(f"{space}rect")}
    assert widths["openai"] == pytest.approx(12 * widths["aurous"], rel=0.01)
    assert widths["httpx"] == pytest.approx(3 * widths["aurous"], rel=0.01)
    assert [text.text for text in root.iter(f"{space}text")][4:] == ["aurous", "httpx-sse 3x", "openai 12x"]
    assert "prefers-color-scheme:dark" in drawn
    assert len(drawn) < 20_000


def test_plot_without_peers_is_valid_svg() -> None:
    assert parsed(plot.draw(a_record(aurous=5.0))).tag.endswith("svg")


def test_committed_plot_matches_the_committed_ratios() -> None:
    assert records.PICTURE.read_text(encoding="utf-8") == plot.draw(records.read())


def test_markdown_table_has_figures_and_ratios() -> None:
    assert markdown.table(a_record(aurous=5.0, openai=6000.0, httpx_sse=1.5)).splitlines()[2:] == [
        "| streamed event | 5 µs ±0% | openai 6,000 ±0%: **1200x**, httpx-sse 1.5 ±0%: **0.3x** (target 1.3x) |"
    ]
    assert len(markdown.table(a_record(openai=60.0)).splitlines()) == 2


def test_readme_table_matches_the_committed_ratios() -> None:
    readme = records.README.read_text(encoding="utf-8")
    assert markdown.SECTION.replace(readme, markdown.table(records.read())) == readme
    assert markdown.SECTION.replace(readme, markdown.table(a_record(aurous=5.0, openai=60.0))) != readme
    with pytest.raises(ValueError, match="there is no single place between"):
        markdown.SECTION.replace("# README", "")
