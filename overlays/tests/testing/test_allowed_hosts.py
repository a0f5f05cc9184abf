"""The hosts that tests allow: those that no address can have are refused, with what was meant."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from aurous.testing._hosts import parse_host
from clientkit.pytest_runs import run

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("staging.example.com", "https://staging.example.com/v1"),
        ("Staging.Example.com", "https://STAGING.example.com:8443"),
        ("gateway", "http://gateway"),
        ("10.0.0.1", "http://10.0.0.1:8080"),
        ("fd00::1", "http://[fd00::1]:8080"),
        ("[FD00::1]", "http://[fd00::1]"),
    ],
)
def test_host_is_that_of_an_address(text: str, address: str) -> None:
    assert parse_host(text) == urlsplit(address).hostname


def test_asterisk_stands_for_all() -> None:
    assert parse_host("*") == "*"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("https://staging.example.com", "leave out scheme, port and path: staging.example.com"),
        ("staging.example.com:8443", "leave out scheme, port and path: staging.example.com"),
        ("staging.example.com/v1", "leave out scheme, port and path: staging.example.com"),
        ("https://me:secret@[fd00::1]:8443/", "leave out scheme, port and path: fd00::1"),
        ("//", "leave out scheme, port and path"),
        ("[fd00::1", "leave out scheme, port and path"),
        ("", "leave out scheme, port and path"),
        ("a.example,b.example", "write spaces between several"),
        ("*.example.com", "* stands for all hosts, and not for a part of one"),
        (["a.example"], "each is text, and an argument of its own"),
    ],
)
def test_host_that_no_address_can_have_is_refused(text: object, advice: str) -> None:
    with pytest.raises(ValueError, match="is not a host, such as") as caught:
        parse_host(text)
    assert str(caught.value).endswith(f"; {advice}")
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_setting_that_is_no_host_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naurous_allowed_hosts = https://staging.example.com")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*aurous_allowed_hosts in pytest's settings: 'https://staging.example.com' is not a host, such as *"]
    )


@pytest.mark.slow
def test_marker_that_names_no_host_fails_its_test_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.aurous_allow_hosts("staging.example.com:8443")
        def test_marked():
            pass

        def test_other():
            pass
    """)
    result = run(pytester)
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        ["@pytest.mark.aurous_allow_hosts: 'staging.example.com:8443' is not a host, such as *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
