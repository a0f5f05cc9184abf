"""What is counted, merged, told and hidden: purses, verdicts, curl lines and the page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import pytest
from harness.client.charges import charge
from harness.client.exchange import KEY_VARIABLE, Exchange, curl
from harness.client.spend_limit import Purse, Rates
from harness.outcomes import judge
from harness.reports import html_report, json_report
from harness.results import Finding, Outcome, Shown, Verdicts
from harness.rules import Level, Rule
from harness.settings import Settings, is_loopback
from harness.violations import Breach, Observation, Unseen

RULE = Rule("stream.done", "api-reference/chat/streaming", "A stream ends with `data: [DONE]`, <once>.")


def finding(outcome: Outcome, came: str = "") -> Finding:
    shown = (Shown("curl -sS 'https://x/<y>'", "HTTP 200\n<b>"),) if came else ()
    return Finding(RULE, "rules/test_x.py::test_y", outcome, came, shown, 2, 0.5, 0.1)


@pytest.mark.parametrize(
    ("outcomes", "merged"),
    [
        ([Outcome.KEPT, Outcome.KEPT], Outcome.KEPT),
        ([Outcome.KEPT, Outcome.BROKEN], Outcome.BROKEN),
        ([Outcome.UNSEEN, Outcome.BROKEN], Outcome.BROKEN),
        ([Outcome.KEPT, Outcome.UNSEEN], Outcome.KEPT),
        ([Outcome.UNSEEN, Outcome.UNSEEN], Outcome.UNSEEN),
        ([Outcome.OBSERVED, Outcome.OBSERVED], Outcome.OBSERVED),
    ],
)
def test_findings_merge_into_one_verdict(outcomes: list[Outcome], merged: Outcome) -> None:
    verdicts = Verdicts()
    for outcome in outcomes:
        verdicts.add(finding(outcome))
    assert [verdict.outcome for verdict in verdicts] == [merged]


def test_a_finding_survives_the_way_to_another_process() -> None:
    sent = finding(Outcome.BROKEN, "twice")
    assert Finding.unpacked(sent.packed()) == sent


@pytest.mark.parametrize(
    ("error", "level", "missing", "outcome"),
    [
        (None, Level.REQUIRED, False, Outcome.KEPT),
        (Breach("no"), Level.REQUIRED, False, Outcome.BROKEN),
        (Breach("no"), Level.OBSERVED, False, Outcome.OBSERVED),
        (Breach("no"), Level.REQUIRED, True, Outcome.UNSEEN),
        (Observation("so"), Level.OBSERVED, False, Outcome.OBSERVED),
        (Unseen("why"), Level.REQUIRED, False, Outcome.UNSEEN),
        (KeyError("usage"), Level.REQUIRED, False, Outcome.BROKEN),
        (KeyError("usage"), Level.REQUIRED, True, Outcome.BROKEN),
        (ExceptionGroup("several", [ValueError("x"), Breach("no")]), Level.REQUIRED, False, Outcome.BROKEN),
    ],
)
def test_how_a_test_ended_decides_its_outcome(
    error: BaseException | None, level: Level, missing: bool, outcome: Outcome
) -> None:
    assert judge(error, level, missing=missing)[0] is outcome


def test_a_purse_holds_what_running_calls_may_cost() -> None:
    purse = Purse(limit=1.0)
    with purse.paying(0.6) as bill:
        with pytest.raises(Unseen, match="budget"), purse.paying(0.6):
            pass
        bill.charged = 0.1
    assert purse.spent == pytest.approx(0.1)
    with purse.paying(0.6):
        pass


def test_a_purse_is_not_overrun_by_threads() -> None:
    purse = Purse(limit=1.0)

    def spend(_: int) -> None:
        try:
            with purse.paying(0.1) as bill:
                bill.charged = 0.1
        except Unseen:
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(spend, range(100)))
    assert purse.spent <= 1.0 + 1e-9


def test_what_costs_nothing_is_not_stopped() -> None:
    with Purse(limit=0.0).paying(None):
        pass


def test_a_ceiling_counts_prompt_and_answer() -> None:
    assert Rates(75, 450).ceiling({"max_tokens": 1_000_000}) > 450
    assert Rates(75, 450).ceiling({"messages": ["x" * 4_000_000]}) > 75


@pytest.mark.parametrize(
    ("exchange", "charged"),
    [
        (Exchange("POST", "u/v1/chat/completions", status=200, body=b'{"usage": {"credits_charged": 0.5}}'), 0.5),
        (Exchange("GET", "u/v1/chat/completions/cmp_1", status=200, body=b'{"usage": {"credits_charged": 0.5}}'), 0),
        (Exchange("POST", "u/v1/chat/completions", status=400, body=b'{"error": {}}'), 0),
        (
            Exchange(
                "POST",
                "u/v1/chat/completions",
                status=200,
                headers={"aurous-idempotent-replayed": "true"},
                body=b'{"usage": {"credits_charged": 0.5}}',
            ),
            0,
        ),
        (
            Exchange(
                "POST",
                "u/v1/chat/completions",
                status=200,
                headers={"content-type": "text/event-stream; charset=utf-8"},
                body=b'data:{"usage": {"credits_charged": 0.25}}\r\n\r\ndata: [DONE]\r\n\r\n',
            ),
            0.25,
        ),
    ],
)
def test_a_charge_is_read_from_the_receipt(exchange: Exchange, charged: float) -> None:
    assert charge(exchange) == charged


def test_a_curl_line_can_be_pasted_and_hides_the_key() -> None:
    headers = {"X-Api-Key": KEY_VARIABLE, "Content-Type": "application/json", "User-Agent": "x", "Idempotency-Key": ""}
    line = curl(Exchange("POST", "http://127.0.0.1/v1", headers, b'{"content":"it\'s"}'))
    assert '-H "X-Api-Key: $AUROUS_API_KEY"' in line
    assert "-H 'Idempotency-Key;'" in line
    assert "User-Agent" not in line
    assert curl(Exchange("POST", "http://h/", {}, b"\x00\xff'")).endswith(r"--data-binary $'\x00\xff\x27'")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:8080", True),
        ("https://api.aurous-labs.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_only_this_machine_is_free(url: str, local: bool) -> None:
    assert is_loopback(url) is local


def test_the_page_stands_alone_and_escapes_what_servers_say() -> None:
    verdicts = Verdicts()
    verdicts.add(finding(Outcome.BROKEN, "<script>alert(1)</script>"))
    settings = Settings("https://x", "k", None, "2026-05-15")
    written = html_report.render(json_report.collect(verdicts, settings, seconds=1.0, started="now"))
    assert "<script>alert(1)" not in written
    assert "1 rules: 0 kept, 1 broken, 0 unseen" in written
    parser = Outside()
    parser.feed(written)
    assert parser.fetched == []


class Outside(HTMLParser):
    """Collects whatever a page would fetch when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name == "src" or (tag == "link" and name == "href")]
