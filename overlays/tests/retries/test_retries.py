"""Whether a call is tried again, and when: the table, the bounds, and what must never happen."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from attrs import evolve
from aurous._config.policies import RetryPolicy
from aurous._request.retry import (
    KEY_IN_USE,
    ErrorResponse,
    GiveUp,
    NoResponse,
    Retry,
    decide,
    parse_date,
    parse_retry_after,
)
from aurous.errors import ConfigurationError, RateLimitError
from aurous.types import Attempt
from hypothesis import example, given
from hypothesis import strategies as st

POLICY = RetryPolicy()
SENT, UNSENT = NoResponse(sent=True), NoResponse(sent=False)
LOST = Attempt(number=1, elapsed=0.1, error="reset")
NEVER_LEFT = Attempt(number=1, elapsed=0.1, error="cannot connect", sent=False)
REFUSED = Attempt(number=1, elapsed=0.1, status_code=429, code="too_many_requests")
BAD_GATEWAY = Attempt(number=1, elapsed=0.1, status_code=502)


def decided(
    outcome: ErrorResponse | NoResponse,
    *earlier: Attempt,
    policy: RetryPolicy = POLICY,
    is_idempotent: bool = True,
    is_generated_key: bool = False,
    remaining: float = 600.0,
    random: float = 0.0,
) -> Retry | GiveUp:
    return decide(
        policy,
        outcome,
        previous_attempts=earlier,
        is_idempotent=is_idempotent,
        is_generated_key=is_generated_key,
        remaining=remaining,
        random=random,
    )


@pytest.mark.parametrize(
    ("outcome", "keyed", "unkeyed"),
    [
        (UNSENT, Retry, Retry),
        (SENT, Retry, GiveUp),
        (NoResponse(sent=False, is_final=True), GiveUp, GiveUp),
        (NoResponse(sent=True, is_final=True), GiveUp, GiveUp),
        (ErrorResponse(status_code=408), Retry, GiveUp),
        (ErrorResponse(status_code=429, code="too_many_requests"), Retry, Retry),
        (ErrorResponse(status_code=429, code="tpm_rate_limit_exceeded"), Retry, Retry),
        (ErrorResponse(status_code=429, code="concurrency_limit_exceeded"), Retry, Retry),
        (ErrorResponse(status_code=429), Retry, Retry),
        # Waiting brings no credits.
        (ErrorResponse(status_code=429, code="balance_too_low"), GiveUp, GiveUp),
        (ErrorResponse(status_code=429, code="insufficient_quota"), GiveUp, GiveUp),
        (ErrorResponse(status_code=429, code="out_of_credits"), GiveUp, GiveUp),
        (ErrorResponse(status_code=500, code="internal_error"), Retry, GiveUp),
        (ErrorResponse(status_code=502), Retry, GiveUp),
        (ErrorResponse(status_code=503, code="provider_rate_limited"), Retry, GiveUp),
        (ErrorResponse(status_code=504), Retry, GiveUp),
        (ErrorResponse(status_code=520), Retry, GiveUp),
        (ErrorResponse(status_code=599), Retry, GiveUp),
        # What 409 means is told by its code, and none of its codes gets better on a first attempt.
        (ErrorResponse(status_code=409, code=KEY_IN_USE), GiveUp, GiveUp),
        (ErrorResponse(status_code=409, code="chat_cancel_target_already_terminal"), GiveUp, GiveUp),
        (ErrorResponse(status_code=409), GiveUp, GiveUp),
        *(
            (ErrorResponse(status_code=status), GiveUp, GiveUp)
            for status in (101, 302, 400, 401, 402, 403, 404, 410, 413, 418)
        ),
        (ErrorResponse(status_code=422), GiveUp, GiveUp),
    ],
)
def test_retryable_failures_are_retried(outcome: ErrorResponse | NoResponse, keyed: type, unkeyed: type) -> None:
    assert type(decided(outcome)) is keyed
    assert type(decided(outcome, is_idempotent=False)) is unkeyed


def test_retry_delays_double_up_to_their_maximum() -> None:
    policy = RetryPolicy(max_retries=8)
    delays = [decided(SENT, *[LOST] * tried, policy=policy) for tried in range(8)]
    assert [retry.delay for retry in delays if isinstance(retry, Retry)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_shortens_a_delay_by_at_most_its_share() -> None:
    assert decided(SENT, random=1.0) == Retry(0.5, "no response")
    assert decided(SENT, random=0.5) == Retry(0.75, "no response")


def test_max_retries_counts_attempts_after_the_first() -> None:
    assert isinstance(decided(SENT, LOST, LOST), Retry)
    assert decided(SENT, LOST, LOST, LOST) == GiveUp("max_retries is 3")
    assert decided(SENT, policy=RetryPolicy(max_retries=0)) == GiveUp("max_retries is 0")


@pytest.mark.parametrize("code", ["too_many_requests", "insufficient_quota"])
def test_more_retries_are_advised_only_where_they_change_something(code: str) -> None:
    throttled = ErrorResponse(status_code=429, code=code, retry_after=1.0)
    decision = decided(throttled, policy=RetryPolicy(max_retries=0))
    assert isinstance(decision, GiveUp)
    assert ("max_retries" in str(decision.reason)) is (code == "too_many_requests")
    assert "max_retries" not in RateLimitError.advice


def test_deadline_ends_retries_before_max_retries() -> None:
    assert isinstance(decided(SENT, remaining=1.5), Retry)
    assert "deadline" in str(decided(SENT, remaining=1.0))


class TestRetryAfter:
    def test_retry_after_is_never_undercut(self) -> None:
        outcome = ErrorResponse(status_code=429, retry_after=12.0)
        assert decided(outcome) == Retry(12.0, "too many requests")
        assert decided(outcome, random=1.0) == Retry(13.0, "too many requests")

    @pytest.mark.parametrize("retry_after", [0.0, 0.05])
    def test_retry_after_of_nothing_waits_a_little(self, retry_after: float) -> None:
        outcome = ErrorResponse(status_code=503, retry_after=retry_after)
        assert decided(outcome) == Retry(0.1, "the server failed")
        assert decided(outcome, random=1.0) == Retry(pytest.approx(0.15), "the server failed")
        # Unless the policy waits less by itself.
        assert decided(outcome, policy=RetryPolicy(initial_delay=0)) == Retry(retry_after, "the server failed")

    @pytest.mark.parametrize("retry_after", [60.1, 3600.0, 1e30, math.inf])
    def test_retry_after_beyond_maximum_ends_retries(self, retry_after: float) -> None:
        decision = decided(ErrorResponse(status_code=503, retry_after=retry_after), remaining=math.inf)
        assert isinstance(decision, GiveUp)
        assert "max_retry_after" in str(decision.reason)

    def test_retry_after_beyond_deadline_ends_retries(self) -> None:
        assert isinstance(decided(ErrorResponse(status_code=429, retry_after=30.0), remaining=20.0), GiveUp)

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("0", 0.0),
            ("12", 12.0),
            (" 12 ", 12.0),
            ("1.5", 1.5),
            ("99999999999999999999", 1e20),
            ("9" * 400, math.inf),
            (None, None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("+5", None),
            ("NaN", None),
            ("nan", None),
            ("inf", None),
            ("1e3", None),
            ("1_0", None),
            ("٣", None),
            ("0x10", None),
            ("12, 14", None),
            ("Mon, 99 Foo 2026 00:00:00 GMT", None),
            ("Mon, 1 Jan 2026 00:00:00 +99999999999999999999", None),
        ],
    )
    def test_retry_after_of_any_spelling_gives_a_valid_delay(self, value: str | None, seconds: float | None) -> None:
        assert parse_retry_after(value) == seconds

    @pytest.mark.parametrize(
        "value",
        [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 09:49:37 +0100",
        ],
    )
    def test_each_http_date_form_of_rfc_9110_is_read(self, value: str) -> None:
        moment = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
        assert parse_date(value) == moment
        assert parse_retry_after(value, moment - timedelta(seconds=30)) == 30.0

    @pytest.mark.parametrize("value", ["08:49:37", "Sunday", "6 Nov", "Sun, 31 Feb 2026 00:00:00 GMT"])
    def test_incomplete_date_is_not_completed(self, value: str) -> None:
        assert parse_date(value) is None

    @pytest.mark.parametrize(("ahead", "seconds"), [(30, 30.0), (0, 0.0), (-300, 0.0)])
    def test_retry_after_date_is_relative_to_the_servers_clock(self, ahead: int, seconds: float) -> None:
        now = datetime(2026, 5, 15, 12, 0, tzinfo=UTC)
        moment = format_datetime(now + timedelta(seconds=ahead), usegmt=True)
        assert parse_retry_after(moment, now) == seconds

    @given(st.text(max_size=60))
    @example("0\x1f")
    @example("Wed, 21 Oct 2015 07:28:00 -9999")
    @example("Sat, 01 Jan 0001 00:00:00 +2359")
    def test_retry_after_of_any_text_is_a_delay_or_none(self, value: str) -> None:
        seconds = parse_retry_after(value)
        assert seconds is None or seconds >= 0


class TestKeyInUse:
    IN_USE = ErrorResponse(status_code=409, code=KEY_IN_USE)
    POLL = Attempt(number=2, elapsed=0.1, status_code=409, code=KEY_IN_USE)

    @pytest.mark.parametrize("lost", [LOST, BAD_GATEWAY, evolve(LOST, status_code=408), evolve(LOST, status_code=504)])
    def test_key_in_use_after_lost_attempt_is_polled(self, lost: Attempt) -> None:
        assert decided(self.IN_USE, lost) == Retry(0.5, "an earlier attempt is still being carried out", is_poll=True)

    @pytest.mark.parametrize("earlier", [(), (REFUSED,), (NEVER_LEFT,), (NEVER_LEFT, REFUSED)])
    def test_key_in_use_without_lost_attempt_ends_retries(self, earlier: tuple[Attempt, ...]) -> None:
        assert decided(self.IN_USE, *earlier) == GiveUp("the idempotency key is in use by another request")

    @pytest.mark.parametrize("earlier", [(), (REFUSED,), (NEVER_LEFT,), (LOST,)])
    def test_key_in_use_under_generated_key_is_polled(self, earlier: tuple[Attempt, ...]) -> None:
        decision = decided(self.IN_USE, *earlier, is_generated_key=True)
        assert decision == Retry(0.5, "an earlier attempt is still being carried out", is_poll=True)
        assert isinstance(decided(self.IN_USE, is_generated_key=True, is_idempotent=False), GiveUp)
        assert isinstance(decided(self.IN_USE, is_generated_key=True, remaining=0.5), GiveUp)

    def test_key_in_use_polls_grow_to_8_seconds_and_are_no_retries(self) -> None:
        polls = [decided(self.IN_USE, LOST, *[self.POLL] * count) for count in range(60)]
        assert [poll.delay for poll in polls[:6] if isinstance(poll, Retry)] == [0.5, 1, 2, 4, 8, 8]
        assert all(isinstance(poll, Retry) for poll in polls)
        assert isinstance(decided(SENT, LOST, *[self.POLL] * 20), Retry)
        assert isinstance(decided(SENT, LOST, LOST, LOST, *[self.POLL] * 20), GiveUp)

    def test_key_in_use_polls_end_at_the_deadline(self) -> None:
        assert isinstance(decided(self.IN_USE, LOST, remaining=0.5), GiveUp)


@pytest.mark.parametrize("field", ["initial_delay", "max_delay", "max_retry_after", "first_poll", "max_poll"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", None])
def test_retry_policy_refuses_invalid_delays(field: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=field):
        RetryPolicy(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"jitter": 1.1}, {"jitter": -0.1}, {"max_retries": -1}, {"max_retries": 1.5}])
def test_retry_policy_refuses_invalid_jitter_and_counts(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        RetryPolicy(**settings)  # type: ignore[arg-type]


# What must hold whatever comes.

seconds = st.floats(0, 1e6)
policies = st.builds(
    RetryPolicy,
    max_retries=st.integers(0, 10_000),
    initial_delay=seconds,
    max_delay=seconds,
    jitter=st.floats(0, 1),
    max_retry_after=seconds,
    first_poll=seconds,
    max_poll=seconds,
)
codes = st.sampled_from([None, KEY_IN_USE, "too_many_requests", "balance_too_low", "internal_error", "never_seen"])
statuses = st.integers(100, 999)
outcomes = st.one_of(
    st.builds(NoResponse, sent=st.booleans(), is_final=st.booleans()),
    st.builds(ErrorResponse, status_code=statuses, code=codes, retry_after=st.none() | st.floats(0)),
)
attempts = st.builds(
    Attempt,
    number=st.integers(1),
    elapsed=seconds,
    status_code=st.none() | statuses,
    code=codes,
    sent=st.booleans(),
)
histories = st.lists(attempts, max_size=30) | st.builds(
    lambda one, times: [one] * times, attempts, st.integers(0, 5000)
)


@given(policies, outcomes, histories, st.booleans(), st.booleans(), st.floats(0, 1e9), st.floats(0, 1))
def test_every_retry_decision_respects_policy_and_deadline(
    policy: RetryPolicy,
    outcome: ErrorResponse | NoResponse,
    earlier: list[Attempt],
    is_idempotent: bool,
    is_generated_key: bool,
    remaining: float,
    random: float,
) -> None:
    decision = decide(
        policy,
        outcome,
        previous_attempts=earlier,
        is_idempotent=is_idempotent,
        is_generated_key=is_generated_key,
        remaining=remaining,
        random=random,
    )
    if isinstance(decision, GiveUp):
        return
    # A request that may have been carried out is never sent again unless that is safe.
    assert is_idempotent or (isinstance(outcome, NoResponse) and not outcome.sent)
    # The next attempt begins within the call's time.
    assert 0 <= decision.delay < remaining
    retry_after = outcome.retry_after if isinstance(outcome, ErrorResponse) else None
    if decision.is_poll:
        assert decision.delay <= policy.max_poll
        assert is_generated_key or any(attempt.may_have_worked for attempt in earlier)
    elif retry_after is None:
        assert decision.delay <= policy.max_delay
    else:
        assert retry_after <= decision.delay <= policy.max_retry_after + 1
    # What counts is counted.
    counted = [attempt for attempt in earlier if attempt.code != KEY_IN_USE]
    assert decision.is_poll or len(counted) < policy.max_retries


@given(policies, st.lists(outcomes, max_size=60), seconds, st.floats(0, 1))
def test_call_with_any_failures_ends_within_its_deadline(
    policy: RetryPolicy, story: list[ErrorResponse | NoResponse], total: float, random: float
) -> None:
    now, earlier = 0.0, list[Attempt]()
    for number, outcome in enumerate(story, 1):
        decision = decide(
            policy, outcome, previous_attempts=earlier, is_idempotent=True, remaining=total - now, random=random
        )
        if isinstance(decision, GiveUp):
            break
        now += decision.delay
        assert now <= total
        answered = outcome if isinstance(outcome, ErrorResponse) else None
        earlier.append(
            Attempt(
                number=number,
                elapsed=0,
                status_code=answered.status_code if answered else None,
                code=answered.code if answered else None,
            )
        )
