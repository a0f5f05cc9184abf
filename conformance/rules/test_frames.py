"""Rules on the frames of a stream, checked on every kind of stream."""

from __future__ import annotations

import pytest
from harness.checks.check import Check
from harness.checks.frames import FRAME_CHECKS
from harness.client.stream import Transcript
from harness.rules import STREAMING, rule
from harness.violations import require

from .conftest import Cancelled
from .scenarios import SCENARIOS, Scenarios, as_params, require_clean

# The cancelled stream is sent without a key, and without `include_usage: false`.
NOT_OF_CANCELLED = frozenset({"stream.no_usage", "stream.key_ignored", "stream.warning_first"})


@rule("stream.status_code", page=STREAMING, sentence="A stream answers 200.")
@pytest.mark.parametrize("kind", SCENARIOS)
def test_stream_answers_200(scenarios: Scenarios, kind: str) -> None:
    scenarios.stream(kind)


@pytest.mark.parametrize("check", as_params(FRAME_CHECKS))
def test_stream_frames_are_well_formed(scenarios: Scenarios, check: Check[Transcript]) -> None:
    require_clean(check, {kind: (stream, stream.exchange) for kind, stream in scenarios.streams().items()})


@pytest.mark.parametrize("check", as_params(check for check in FRAME_CHECKS if check.id not in NOT_OF_CANCELLED))
def test_frames_of_a_cancelled_stream_are_well_formed(cancelled: Cancelled, check: Check[Transcript]) -> None:
    stream = cancelled.transcript
    require_clean(check, {"cancelled": (stream, stream.exchange)})


@rule("stream.no_error", page=STREAMING, sentence="A successful stream has no error frame.")
def test_successful_stream_has_no_error_frame(scenarios: Scenarios) -> None:
    for kind, stream in scenarios.streams().items():
        require(not stream.errors, f"{kind}: there is an error: {stream.errors}", stream.exchange)
