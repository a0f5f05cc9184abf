"""Settings: where they come from, what is refused, and that the key does not show."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import aurous
import pytest
from aurous import ConfigurationError, Timeouts
from aurous._config.options import read_options
from aurous._config.secret import Secret
from aurous_client import SERVER_URL
from testkit.raw_server import RawServer
from testkit.responses import GOOD, KEY, MESSAGES, MODEL


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes options, with a key unless another is given."""

    def make(**options: Any) -> Any:
        return read_options(api_key=Secret.of(options.pop("api_key", KEY)), **options)

    return make


@pytest.mark.usefixtures("outside_pytest")
class TestKey:
    @pytest.mark.parametrize("make", [aurous.Aurous, aurous.AsyncAurous])
    def test_missing_api_key_raises_error_that_names_the_variable(self, make: Any) -> None:
        with pytest.raises(ConfigurationError, match="set AUROUS_API_KEY, or pass api_key"):
            make()

    @pytest.mark.parametrize("empty", ["", "  ", "\n"])
    def test_empty_api_key_argument_is_not_replaced_from_environment(
        self, empty: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AUROUS_API_KEY", KEY)
        with pytest.raises(ConfigurationError, match="no API key"):
            aurous.Aurous(empty)

    @pytest.mark.parametrize("make", [aurous.Aurous, aurous.AsyncAurous])
    @pytest.mark.parametrize("key", [b"al_live_bytes", 7, ["al_live_list"]])
    def test_api_key_that_is_no_str_is_refused_by_its_type(
        self, key: Any, make: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AUROUS_API_KEY", KEY)
        with pytest.raises(ConfigurationError) as caught:
            make(key)
        assert str(caught.value) == f"api_key must be a str, not {type(key).__name__}"

    def test_api_key_argument_wins_over_environment(self, wire: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AUROUS_API_KEY", f" {KEY}\n")
        wire.plays(GOOD)
        for arguments in ((), ("al_live_other\n",)):
            with aurous.Aurous(*arguments, base_url=wire.url) as client:
                client.chat.completions.create(model=MODEL, messages=MESSAGES)
        assert [request.header("X-Api-Key") for request in wire.requests] == [KEY, "al_live_other"]

    @pytest.mark.parametrize("bad", ["al live", "al_live_é", "al\nlive", "al\x00live"])
    def test_api_key_invalid_in_a_header_is_refused_without_showing_it(
        self, bad: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ConfigurationError, match="the API key in api_key holds") as caught:
            aurous.Aurous(bad)
        assert bad not in str(caught.value)
        monkeypatch.setenv("AUROUS_API_KEY", bad.replace("\x00", " "))
        with pytest.raises(ConfigurationError, match="the API key in AUROUS_API_KEY holds"):
            aurous.Aurous()

    def test_api_key_is_not_in_repr(self) -> None:
        secret = Secret(KEY)
        assert repr(secret) == str(secret) == f"{secret}" == "al_live_...beef"
        assert repr(Secret("og_short")) == "..."
        assert secret.redact(f"a {KEY} b") == "a [secret] b"
        assert secret.redact(f"a {KEY} b".encode()) == b"a [secret] b"
        assert {secret} == {Secret(KEY)}

    @pytest.mark.parametrize("act", [pickle.dumps, copy.deepcopy])
    def test_secret_and_client_refuse_to_pickle(self, act: Any) -> None:
        for thing in (Secret(KEY), aurous.Aurous(KEY), aurous.AsyncAurous(KEY)):
            with pytest.raises(TypeError):
                act(thing)


class TestUrl:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("https://api.aurous-labs.com", "https://api.aurous-labs.com"),
            ("https://api.aurous-labs.com/", "https://api.aurous-labs.com"),
            ("https://api.aurous-labs.com/v1", "https://api.aurous-labs.com"),
            ("https://api.aurous-labs.com/v1/", "https://api.aurous-labs.com"),
            ("https://api.aurous-labs.com/v1//", "https://api.aurous-labs.com"),
            (" https://api.aurous-labs.com\n", "https://api.aurous-labs.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/v1", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]"),
            ("https://gateway.example/aurous/v1/", "https://gateway.example/aurous"),
            ("https://gateway.example/v1/aurous", "https://gateway.example/v1/aurous"),
            ("https://v1", "https://v1"),
            ("HTTPS://Api.Example", "https://Api.Example"),
        ],
    )
    def test_base_url_forms_are_normalized(
        self, given: str, expected: str, made: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert made(base_url=given).base_url == expected
        monkeypatch.setenv("AUROUS_BASE_URL", given)
        assert made().base_url == expected

    def test_base_url_defaults_to_production(self, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        assert made().base_url == SERVER_URL == "https://api.aurous-labs.com"
        monkeypatch.setenv("AUROUS_BASE_URL", "")
        assert made().base_url == SERVER_URL

    @pytest.mark.parametrize(
        "bad",
        [
            *(
                "",
                " ",
                "/v1",
                "api.aurous-labs.com",
                "ftp://a.b",
                "http://",
                "https:///v1",
                "http://[::1",
                "http://::1",
            ),
            *(
                "http://a:99999",
                "http://a:0",
                "http://a:b",
                "http://a b",
                "http://a\nb",
                "http://a\\b",
                "http://a/\x7f",
            ),
            *("http://a..b", "http://.a", f"http://{'a' * 64}.b"),
            *("http://a?b=1", "http://a?", "http://a#b", "http://a#", 7, b"http://a"),
        ],
    )
    def test_invalid_base_url_is_refused(self, bad: Any, made: Any) -> None:
        with pytest.raises(ConfigurationError, match="base_url"):
            made(base_url=bad)

    @pytest.mark.parametrize("bad", ["https://user:hunter2@a", "https://:hunter2@a", "nope://user:hunter2@a"])
    def test_password_in_base_url_is_refused_without_showing_it(self, bad: str, made: Any) -> None:
        with pytest.raises(ConfigurationError) as caught:
            made(base_url=bad)
        assert "hunter2" not in str(caught.value)


class TestVersion:
    def test_api_version_defaults_to_that_of_the_spec(self, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        assert made().api_version == aurous.API_VERSION
        monkeypatch.setenv("AUROUS_API_VERSION", "2026-01-31")
        assert made().api_version == "2026-01-31"
        assert made(api_version="2025-12-01").api_version == "2025-12-01"
        assert made(api_version=None).api_version is None

    @pytest.mark.parametrize(
        "bad",
        [
            "",
            "2026",
            "2026-5-1",
            "2026-02-30",
            "2026-13-01",
            "15-05-2026",
            "latest",
            "2026-05-15 ",
            "\uff12026-05-15",
            7,
        ],
    )
    def test_api_version_that_is_no_date_is_refused(self, bad: Any, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigurationError, match=f"api_version must be a date such as '{aurous.API_VERSION}'"):
            made(api_version=bad)
        with pytest.raises(ConfigurationError, match="api_version"):
            made().with_changes(api_version=bad)
        if bad and isinstance(bad, str):
            monkeypatch.setenv("AUROUS_API_VERSION", bad)
            with pytest.raises(ConfigurationError, match="AUROUS_API_VERSION"):
                made()


class TestTimeouts:
    def test_default_timeouts_are_finite(self) -> None:
        assert Timeouts() == Timeouts(connect=5, read=300, write=60, total=600, first_event=300, idle=60)

    @pytest.mark.parametrize("field", ["connect", "read", "write", "total", "first_event", "idle"])
    @pytest.mark.parametrize("bad", [0, -1, float("inf"), float("nan"), None, "5"])
    def test_timeouts_cannot_be_turned_off(self, field: str, bad: Any) -> None:
        with pytest.raises(ConfigurationError, match=rf"timeout\.{field} must be a finite number"):
            Timeouts(**{field: bad})

    def test_number_is_the_time_of_one_attempt(self, made: Any) -> None:
        assert made(timeout=7).timeout == Timeouts(attempt=7)
        # None of the others makes it shorter.
        assert made(timeout=400).timeout == Timeouts(attempt=400, read=400, first_event=400)
        assert made(timeout=1000).timeout == Timeouts(attempt=1000, read=1000, first_event=1000, total=5000)
        narrow = made(timeout=Timeouts(read=3, total=20))
        assert narrow.with_changes(timeout=9.5).timeout == Timeouts(read=9.5, attempt=9.5, total=20)
        for bad in (0, -1, "5", float("inf"), 10**400):
            with pytest.raises(ConfigurationError, match="timeout must be a finite number"):
                made(timeout=bad)
        with pytest.raises(ConfigurationError, match=r"timeout\.attempt must be a finite number"):
            Timeouts(attempt=0)

    def test_timeouts_replace_those_of_the_client(self, made: Any) -> None:
        strict = made(timeout=Timeouts(read=3))
        assert strict.with_changes(timeout=Timeouts(read=3, total=9.5)).timeout == Timeouts(read=3, total=9.5)
        assert strict.with_changes(timeout=Timeouts()).timeout == Timeouts()


@pytest.mark.parametrize("bad", [0, -1, 1.5, "64 MB"])
def test_max_event_size_must_be_a_count_of_bytes(bad: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_event_size must be a whole number of bytes over 0, or None"):
        aurous.StreamPolicy(max_event_size=bad)
    assert aurous.StreamPolicy(max_event_size=None).max_event_size is None


@pytest.mark.parametrize("bad", [-1, 1.5, "3"])
def test_max_retries_must_be_a_count(bad: Any, made: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_retries"):
        made(max_retries=bad)
    with pytest.raises(ConfigurationError, match="max_retries"):
        made().with_changes(max_retries=bad)


def test_with_changes_keeps_unnamed_options(made: Any) -> None:
    policy = aurous.RetryPolicy(initial_delay=9)
    options = made(retry=policy, max_retries=5, api_version=None, timeout=3)
    changed = options.with_changes(max_retries=1)
    assert (changed.retry.max_retries, changed.retry.initial_delay) == (1, 9)
    assert (changed.api_version, changed.timeout, changed.api_key) == (None, Timeouts(attempt=3), options.api_key)
    assert options.retry.max_retries == 5
    assert options.with_changes() == options
