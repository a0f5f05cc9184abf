"""The pure parts of the bench: figures, judgements, the server's bytes, what is written down."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from benchmarks import groups, markdown, measuring, payloads, plot, raw_clients, records, stats, table, thresholds
from benchmarks.groups import Case, Claim, Group
from benchmarks.measuring import Results
from benchmarks.payloads import Order
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


def test_a_median_and_half_the_middle_half() -> None:
    assert series(10, 11, 12, 13, 100).median == 12
    assert series(10, 11, 12, 13, 100).spread == pytest.approx(1 / 12)
    assert series(10).spread == 0


def test_a_ratio_is_of_figures_of_the_same_round() -> None:
    # The machine was slow in the second round; both medians are of different rounds.
    assert stats.ratio(series(100, 1000, 110), series(10, 100, 11)) == 10
    assert stats.ratio(series(20, 30, 40), series(10, 10, 10)) == 3


@pytest.mark.parametrize("group", groups.GROUPS, ids=lambda group: group.name)
def test_claims_are_about_cases_that_there_are(group: Group) -> None:
    names = [case.name for case in group.cases]
    assert len(set(names)) == len(names)
    assert group.claims
    for claim in group.claims:
        assert claim.ours in names
        assert claim.peer in names
        assert claim.least is None or claim.least > 0


def test_groups_are_chosen_by_how_their_names_begin() -> None:
    assert [group.name for group in groups.named(["fan", "call"])] == ["fan-out", "fan-out-paced", "call"]
    assert groups.named([]) == groups.GROUPS
    with pytest.raises(LookupError, match="no group is called nothing; there are stream, async-stream"):
        groups.named(["call", "nothing"])


def test_every_round_visits_every_case_and_every_second_one_from_the_other_end() -> None:
    other = Group("other", "", "ms", (Case("one", ()), Case("two", ())), (), visits=2)
    seen = [(group.name, case.name) for group, case in measuring.visits((GROUP, other), 2)]
    first, second = seen[:7], seen[7:]
    assert first[:3] == [("stream", "aurous"), ("stream", "openai"), ("stream", "httpx-sse")]
    assert [name for _, name in first[3:]] == ["one", "two", "two", "one"]
    assert second[-3:] == first[2::-1]
    assert Counter(first) == Counter(second)


@pytest.mark.parametrize(("ratio", "word"), [(10.0, "ok"), (9.99, "short")])
def test_a_claim_is_kept_or_short(ratio: float, word: str) -> None:
    verdict, *_ = thresholds.judge(GROUP, {"aurous": series(1), "openai": series(ratio)})
    assert (verdict.ratio, verdict.word) == (ratio, word)


def test_what_was_not_measured_is_not_judged() -> None:
    assert thresholds.judge(GROUP, {"aurous": series(1)}) == []
    judged = thresholds.judge(GROUP, {"openai": series(5), "httpx-sse": series(1)})
    assert [(verdict.claim.title, verdict.word) for verdict in judged] == [("httpx-sse / openai", "")]


def test_a_fifth_may_be_lost_and_no_more() -> None:
    committed = {"stream": {"openai / aurous": 10.0, "gone / aurous": 3.0}}
    same = thresholds.judge(GROUP, {"aurous": series(1), "openai": series(8.0), "httpx-sse": series(0.1)})
    assert list(thresholds.losses(same, committed)) == []
    worse = thresholds.judge(GROUP, {"aurous": series(1), "openai": series(7.9)})
    (loss,) = thresholds.losses(worse, committed)
    assert str(loss) == "stream: openai / aurous was 10.00x and is 7.90x, a loss of 21%"


def test_a_server_without_rest_is_told_of() -> None:
    found = {"quick": series(1, 1, 1, share=0.9), "slow": series(1, 1, 1, share=0.8), "none": series(1)}
    assert list(thresholds.busy(found)) == [("quick", 0.9)]


@pytest.mark.parametrize("order", [Order(20_000, 0), Order(100, 0.05)])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_an_order_is_read_from_the_name_of_a_model(order: Order, separators: tuple[str, str]) -> None:
    body = json.dumps({**raw_clients.body(order.model, stream=True)}, separators=separators).encode()
    assert payloads.read_order(body) == order
    assert payloads.read_order(json.dumps(raw_clients.body("aurous-grow-2.0-pro", stream=False)).encode()) is None


def test_a_stream_has_one_event_in_each_piece_and_one_chunk_for_each_event() -> None:
    order = Order(50, 0)
    pieces = list(payloads.stream(order.events))
    assert len(pieces) == order.events
    assert pieces[0].startswith(payloads.STREAM_HEAD)
    for piece in pieces[1:-1]:
        size, _, rest = piece.partition(b"\r\n")
        assert rest.startswith(b"data: {")
        assert rest.endswith(b"}\n\n\r\n")
        assert int(size, 16) == len(rest) - 2
    assert pieces[-1].endswith(payloads.chunked(payloads.DONE) + b"0\r\n\r\n")


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_lines_are_the_same_however_the_bytes_are_cut(size: int) -> None:
    order, data = Order(30, 0), b"".join(payloads.stream(30))
    reader = raw_clients.Lines()
    lines = [line for start in range(0, len(data), size) for line in reader.feed(data[start : start + size]) if line]
    frames = [json.loads(line.removeprefix(b"data: ")) for line in lines[:-1]]
    assert lines[-1] == b"data: [DONE]"
    assert len(frames) == order.events
    assert sum(len(frame["choices"][0]["delta"].get("content", "")) for frame in frames) == order.characters
    assert frames[0]["choices"][0]["delta"]["role"] == "assistant"
    assert frames[-1]["choices"][0]["finish_reason"] == "stop"
    assert frames[-1]["usage"]["total_tokens"] == 52


def test_an_answer_in_one_piece_is_as_long_as_it_says() -> None:
    head, _, content = payloads.completion().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head.splitlines()
    assert len(json.loads(content)["choices"][0]["message"]["content"]) == payloads.answer_length()


def test_a_table_has_figures_ratios_and_targets() -> None:
    measured = results(aurous=5.0, openai=60.0)
    measured.missing["stream", "httpx-sse"] = "httpx_sse is not installed"
    lines = list(table.lines((GROUP,), measured))
    assert lines[1] == "streamed event"
    assert [line.split() for line in lines[3:]] == [
        ["aurous", "5.0", "0%", "200,000"],
        ["openai", "60.0", "0%", "16,667", "12.00x", ">=", "10x", "ok"],
        ["httpx-sse", "not", "measured:", "httpx_sse", "is", "not", "installed"],
    ]


def test_a_table_has_what_is_claimed_of_others_and_what_went_wrong() -> None:
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
    return records.record((GROUP,), results(**numbers), rounds=3, load=0.25)


def test_a_record_is_json_and_names_no_machine() -> None:
    record = json.loads(records.as_json(a_record(aurous=5.123456, openai=60.0)))
    assert record["groups"]["stream"]["cases"]["aurous"]["median"] == 5.12
    assert record["groups"]["stream"]["targets"] == {"openai / aurous": 10.0, "httpx-sse / aurous": 1.3}
    assert records.ratios(record) == {"stream": {"openai / aurous": 11.7}}
    assert record["load"] == 0.2
    assert set(record["machine"]) == {"python", "system", "cores", "packages"}


def test_a_record_that_is_none_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RATIOS", tmp_path / "RATIOS.json")
    with pytest.raises(records.RecordError, match=r"there is no RATIOS\.json to compare with; make one with --record"):
        records.read()
    for wrong in ("", "[]", "{}", '{"groups": {"stream": {}}}', '{"groups": 1}'):
        records.RATIOS.write_text(wrong)
        with pytest.raises(records.RecordError, match="make a new one with --record"):
            records.read()
    records.RATIOS.write_text(records.as_json(a_record(aurous=5, openai=60)))
    assert records.ratios(records.read()) == {"stream": {"openai / aurous": 12.0}}


def test_a_picture_is_small_and_has_the_bars_to_scale() -> None:
    drawn = plot.draw(a_record(aurous=5.0, openai=60.0, httpx_sse=15.0))
    root = parsed(drawn)
    space = "{http://www.w3.org/2000/svg}"
    widths = {bar.get("class"): float(bar.get("width") or 0) for bar in root.iter(f"{space}rect")}
    assert widths["openai"] == pytest.approx(12 * widths["aurous"], rel=0.01)
    assert widths["httpx"] == pytest.approx(3 * widths["aurous"], rel=0.01)
    assert [text.text for text in root.iter(f"{space}text")][4:] == ["aurous", "httpx-sse 3x", "openai 12x"]
    assert "prefers-color-scheme:dark" in drawn
    assert len(drawn) < 20_000


def test_a_picture_of_nothing_is_one_too() -> None:
    assert parsed(plot.draw(a_record(aurous=5.0))).tag.endswith("svg")


def test_the_committed_picture_is_of_the_committed_ratios() -> None:
    assert records.PICTURE.read_text(encoding="utf-8") == plot.draw(records.read())


def test_a_table_has_the_figures_and_how_many_times_ours_they_are() -> None:
    assert markdown.table(a_record(aurous=5.0, openai=6000.0, httpx_sse=1.5)).splitlines()[2:] == [
        "| streamed event | 5 µs ±0% | openai 6,000 ±0%: **1200x**, httpx-sse 1.5 ±0%: **0.3x** |"
    ]
    assert len(markdown.table(a_record(openai=60.0)).splitlines()) == 2


def test_the_table_of_the_readme_is_of_the_committed_ratios() -> None:
    readme = records.README.read_text(encoding="utf-8")
    assert markdown.placed(readme, records.read()) == readme
    assert markdown.placed(readme, a_record(aurous=5.0, openai=60.0)) != readme
    with pytest.raises(ValueError, match="has no table between"):
        markdown.placed("# README", records.read())
