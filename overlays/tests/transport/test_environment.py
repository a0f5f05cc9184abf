"""Proxies and certificates of the environment: which proxy a call goes through, and errors that name the variable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import aurous
import certifi
import pytest
from aurous._config.environment import Proxies
from aurous.errors import ConfigurationError
from clientkit.callers import Make
from testkit.raw_server import RawServer, run_raw_server
from testkit.responses import GOOD, KEY

CLIENTS = pytest.mark.parametrize("client", [aurous.Aurous, aurous.AsyncAurous])


@pytest.fixture
def proxy() -> Any:
    with run_raw_server() as server:
        yield server.plays(GOOD)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("excluded", ["", "127.0.0.1:1", "https://127.0.0.1", "128.0.0.0/8", "example.com, [::1]"])
def test_call_goes_through_the_proxy(
    variable: str, excluded: str, wire: RawServer, proxy: RawServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    monkeypatch.setenv("NO_PROXY", excluded)
    assert make(wire.url).create().status == "completed"
    assert proxy.requests[0].line == f"POST {wire.url}/v1/chat/completions HTTP/1.1"
    assert wire.requests == []


@pytest.mark.parametrize(
    "excluded", ["127.0.0.0/8", "127/8", "127.0.0.1", "127.0.0.1:{port}", "http://127.0.0.1", "*", "[::1], 127.0.0.0/8"]
)
def test_call_to_an_excluded_host_does_not_go_to_the_proxy(
    excluded: str, wire: RawServer, proxy: RawServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", excluded.format(port=wire.url.rpartition(":")[2]))
    wire.plays(GOOD)
    caller = make(wire.url)
    for _ in range(2):
        caller.create()
    assert (wire.connections, proxy.connections) == (1, 0)


@pytest.mark.parametrize(
    ("excluded", "url", "is_excluded"),
    [
        ("example.com", "https://example.com", True),
        ("example.com", "https://api.example.com", True),
        ("example.com", "https://API.Example.COM.", True),
        ("EXAMPLE.com", "https://example.com", True),
        (".example.com", "https://example.com", True),
        ("*.example.com", "https://api.example.com", True),
        ("example.com", "https://notexample.com", False),
        ("example.com", "https://example.com.evil.test", False),
        ("example.com:443", "https://example.com", True),
        ("example.com:443", "https://example.com:8443", False),
        ("example.com:80", "https://example.com", False),
        ("localhost", "https://localhost:8000", True),
        ("::1", "https://[::1]:8000", True),
        ("[::1]", "https://[::1]:8000", True),
        ("[::1]:8000", "https://[::1]:8000", True),
        ("[::1]:8000", "https://[::1]", False),
        ("fe80::/10", "https://[fe80::1]", True),
        ("[fe80::]/10", "https://[fe80::1]", True),
        ("fe80::/10", "https://[::1]", False),
        ("10.0.0.0/8", "https://10.20.30.40", True),
        ("10.1.2.3/8", "https://10.20.30.40", True),
        ("169.254/16", "https://169.254.169.254", True),
        ("10.0.0.0/8", "https://11.20.30.40", False),
        ("10.0.0.0/8", "https://example.com", False),
        ("<local>", "https://example.com", False),
        ("all://example.com", "https://example.com", True),
    ],
)
def test_no_proxy_excludes_hosts(excluded: str, url: str, is_excluded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", f"other.example, {excluded} ,")
    assert Proxies().url_for(url) == (None if is_excluded else "http://proxy.example:3128")


@CLIENTS
@pytest.mark.parametrize("entry", ["[::1", "10.0.0.0/33", "[example.com]", "host:port", "10.0.0.0/x"])
def test_unreadable_exclusion_is_an_error_when_the_client_is_made(
    client: Any, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", f"localhost,{entry}")
    with pytest.raises(ConfigurationError) as caught:
        client(KEY)
    assert str(caught.value).startswith(f"the environment variable NO_PROXY holds {entry!r}: ")


@CLIENTS
@pytest.mark.parametrize(
    "url", ["nowhere://[", "http://", "http://a..b", "ftp://proxy.example", "http://user:hidden@proxy.example:x"]
)
def test_unusable_proxy_is_an_error_when_the_client_is_made(
    client: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(ConfigurationError, match="the environment variable HTTPS_PROXY must be the address") as caught:
        client(KEY)
    assert "hidden" not in str(caught.value)
    # One for other addresses does no harm.
    client(KEY, base_url="http://127.0.0.1:9")


@CLIENTS
def test_socks_proxy_says_what_to_install(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(ConfigurationError, match=r"ALL_PROXY names a SOCKS proxy, .*pip install 'httpx\[socks\]'"):
        client(KEY)


@CLIENTS
@pytest.mark.parametrize(
    ("variable", "path", "reason"),
    [
        ("SSL_CERT_FILE", "no-such-file.pem", "No such file or directory"),
        ("SSL_CERT_FILE", "plain.txt", "there are no certificates in PEM format"),
        ("SSL_CERT_DIR", "no-such-folder", "No such file or directory"),
        ("SSLKEYLOGFILE", "no-such-folder/keys.log", "No such file or directory"),
    ],
)
def test_unreadable_file_is_an_error_when_the_client_is_made(
    client: Any, variable: str, path: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain.txt").write_text("no certificate")
    monkeypatch.setenv(variable, str(tmp_path / path))
    with pytest.raises(ConfigurationError) as caught:
        client(KEY)
    assert str(caught.value) == f"the environment variable {variable} is {str(tmp_path / path)!r}: {reason}"


@CLIENTS
def test_certificates_of_the_environment_are_taken(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    client(KEY)


@CLIENTS
def test_changed_certificate_file_is_read_again(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bundle.pem"
    path.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    client(KEY)
    path.write_text("no certificate")
    with pytest.raises(ConfigurationError, match="there are no certificates in PEM format"):
        client(KEY)
