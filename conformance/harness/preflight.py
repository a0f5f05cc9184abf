"""Checks, before a run, whether an Aurous server listens at an address, and describes what else does."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from harness.client import deadlines
from harness.client.exchange import KEY_VARIABLE, printable
from harness.client.http_client import environment_problem, open_client, proxy_of
from harness.settings import is_loopback, without_user_info

# The exit code of a run on a server that is not an Aurous server, or refuses the key.
NOT_AUROUS = 2
# Seconds for all requests together: with the start of Python, less than five.
ANSWERS_WITHIN = 3.0
# Stands for a key where none is given.
NO_KEY = "al_live_" + "0" * 64
SENDABLE_KEY = re.compile("[!-~]+")
MAX_READ_BYTES = 256 * 1024
UNKNOWN_ID = "cmp_00000000000000000000000000"
PROBES = ("/v1/models", "/v1/balance", f"/v1/chat/completions/{UNKNOWN_ID}")
CHECKS = """Check:
  - the address: --base-url takes what stands before /v1, such as https://api.example.com
  - that the server (and not a proxy, login page or other service) listens on this host and port
  - that it serves the Aurous Labs API: GET /v1/models answers JSON, with the headers Aurous-Version and
    Aurous-Request-Id"""
GATEWAY = "`aurous-mock --upstream URL` serves the Aurous Labs API in front of an OpenAI-compatible server.\n"
PRIVATE_AUTHORITY = "SSL_CERT_FILE names the certificate of a private authority.\n"
PROXY = "The requests went through the proxy {} of the environment; NO_PROXY lists hosts to reach without one.\n"
IGNORE = "--no-preflight runs the suite all the same."


@dataclass(frozen=True)
class Response:
    """As much of a response as identifies a server."""

    path: str
    status: int
    headers: httpx.Headers
    body: bytes
    error: str = ""

    @property
    def value(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def parse(url: str) -> tuple[str, int]:
    """The host and port of a URL; ValueError, with a message for the user, for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise ValueError(f"{without_user_info(url)!r} is not an address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{without_user_info(url)!r} is not an address that begins with http:// or https://")
    if parts.query or parts.fragment:
        raise ValueError(f"{without_user_info(url)!r} is not an address that ends before ? and #")
    return parts.hostname, port


def root_of(url: str) -> str:
    """The address of a server, without the /v1 of its paths."""
    return url.rstrip("/").removesuffix("/v1")


def option_problem(url: str, api_key: str | None) -> str | None:
    """The message for a user whose key or environment allows no request to a server; None if they do."""
    return missing_key(url, api_key) or unusable_key(api_key) or environment_problem(root_of(url))


def other_key_problem(other_api_key: str | None, api_key: str | None) -> str | None:
    """The message for a user whose key of another team cannot be one; None if it can, or if there is none."""
    if other_api_key and other_api_key == api_key:
        return "--other-api-key is the key that the run has already: it takes one of another team"
    return unusable_key(other_api_key, "--other-api-key")


def unusable_key(api_key: str | None, option: str = "--api-key or AUROUS_API_KEY") -> str | None:
    """The message for a user who named a key that no header can carry; None for any other key, and for none."""
    if not api_key or SENDABLE_KEY.fullmatch(api_key):
        return None
    return f"{option}: the key has a space, a line break or another character that cannot be part of a key"


def missing_key(url: str, api_key: str | None) -> str | None:
    """The message for a user who named no key for a server that may charge; None if one is named or none is needed."""
    if api_key or is_loopback(url):
        return None
    return f"{without_user_info(url)} may charge for calls: name its key with --api-key or AUROUS_API_KEY"


def problem_at(
    url: str, api_key: str | None, *, other_api_key: str | None = None, within: float = ANSWERS_WITHIN
) -> str | None:
    """The message for a user on why the suite cannot run against this address; None if it can.

    `within` is the seconds for all requests together. Without a key nothing is sent to a server that may charge.
    """
    try:
        host, port = parse(url)
    except ValueError as error:
        return str(error)
    if api_key is None and not is_loopback(url):
        return None
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        try:
            socket.create_connection((host, port), within).close()
        except (OSError, UnicodeError) as error:
            # UnicodeError: a host whose name cannot be looked up, as one with an empty label.
            reason = getattr(error, "strerror", None) or error
            return without_user_info(f"{url} cannot be reached: {reason}")
    problem = _problem(root_of(url), api_key, other_api_key, within)
    # Some servers send back the key that they were sent.
    return problem and without_user_info(problem.replace(api_key or NO_KEY, KEY_VARIABLE))


def _problem(base_url: str, api_key: str | None, other_api_key: str | None, within: float) -> str | None:
    with open_client(base_url, timeout=within) as client, deadlines.deadline(within):
        deadlines.enforce_deadlines(client)
        responses: list[Response] = []
        for path in PROBES:
            responses.append(_probe(client, path, {"X-Api-Key": api_key or NO_KEY}))
            if is_aurous(responses[-1]):
                return (
                    _key_problem(client, responses[0], api_key)
                    or _path_problem(base_url, responses[0])
                    or _other_key_problem(client, other_api_key)
                )
            if deadlines.remaining() <= 0:
                break
    seen = "\n".join(f"  GET {response.path}: {describe(response)}" for response in responses)
    hint = GATEWAY if any(_is_of_another_vendor(response.value) for response in responses) else ""
    if any("CERTIFICATE_VERIFY_FAILED" in response.error for response in responses):
        hint += PRIVATE_AUTHORITY
    if proxy := proxy_of(base_url):
        hint += PROXY.format(printable(proxy))
    return f"no Aurous Labs API was found at {printable(base_url)}\n{seen}\n{CHECKS}\n{hint}{IGNORE}"


def is_aurous(response: Response) -> bool:
    """Whether a response has anything that only the Aurous Labs API has."""
    if any(name.lower().startswith("aurous-") for name in response.headers):
        return True
    value = response.value
    if not isinstance(value, dict):
        return False
    error = value.get("error")
    if isinstance(error, dict) and {"type", "code"} <= error.keys() and {"doc_url", "request_id"} & error.keys():
        return True
    rows = value.get("data")
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return "available_credits" in value or any({"aurous_metadata", "chat_pricing"} & row.keys() for row in rows)


def describe(response: Response) -> str:
    """A description of a response in a few words."""
    if response.error:
        return response.error
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    words = f"{response.status} {kind}"
    if 300 <= response.status < 400:
        words += f", a redirect to {response.headers.get('location', 'nowhere')}"
    elif title := re.search(rb"<title[^>]*>([^<]{1,80})", response.body, re.IGNORECASE):
        words += f", a web page titled {title[1].decode(errors='replace').strip()!r}"
    elif isinstance(value := response.value, dict):
        words += f", a JSON object with the members {', '.join(sorted(map(str, value))[:6]) or '(none)'}"
        if _is_of_another_vendor(value):
            words += " (the API of another vendor?)"
    return printable(words)


def _is_of_another_vendor(value: Any) -> bool:
    """Whether a response that is not Aurous's looks like that of another vendor's API."""
    return isinstance(value, dict) and ("data" in value or "error" in value)


def _key_problem(client: httpx.Client, first: Response, api_key: str | None) -> str | None:
    """The message for a key that is refused in both headers; None if it is not."""
    if first.status != 401 or _is_accepted_as_bearer(client, api_key or NO_KEY):
        return None
    if api_key is None:
        return (
            f"the server asks for a key: GET {first.path} is answered {_refusal(first)}\n"
            "Name one with --api-key or AUROUS_API_KEY."
        )
    return (
        f"the server refuses the key: GET {first.path} is answered {_refusal(first)}\n"
        "Check --api-key or AUROUS_API_KEY: a key begins with al_live_ and belongs to this server."
    )


def _other_key_problem(client: httpx.Client, api_key: str | None) -> str | None:
    """The message for a key of another team that is refused in both headers; None if it is not, and without one."""
    if api_key is None:
        return None
    first = _probe(client, PROBES[0], {"X-Api-Key": api_key})
    if first.status != 401 or _is_accepted_as_bearer(client, api_key):
        return None
    return (
        f"the server refuses the key of another team: GET {first.path} is answered {_refusal(first)}\n"
        "Check --other-api-key, or leave it out: the rules that need it are not tested then."
    )


def _is_accepted_as_bearer(client: httpx.Client, api_key: str) -> bool:
    return _probe(client, PROBES[0], {"Authorization": f"Bearer {api_key}"}).status != 401


def _path_problem(base_url: str, first: Response) -> str | None:
    """The message for an Aurous server that listens at this address without this path; None if it does not."""
    parts = urlsplit(base_url)
    if first.status != 404 or not parts.path.strip("/"):
        return None
    return printable(
        f"an Aurous server listens at {parts.scheme}://{parts.netloc}, but GET {parts.path}{first.path} is answered "
        f"{_refusal(first)}\nCheck the path: --base-url takes what stands before /v1, probably "
        f"{parts.scheme}://{parts.netloc}"
    )


def _refusal(response: Response) -> str:
    """The status of an error, with its code if it has the API's envelope."""
    error = response.value.get("error") if isinstance(response.value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return printable(f"{response.status} {code}") if isinstance(code, str) else describe(response)


def _probe(client: httpx.Client, path: str, headers: dict[str, str]) -> Response:
    key = next(iter(headers.values())).removeprefix("Bearer ")
    started = time.monotonic()
    body = bytearray()
    try:
        with client.stream("GET", path, headers=headers) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_READ_BYTES:
                    break
            # Before it is shortened, as a part of a key must not be shown either.
            shown = bytes(body).replace(key.encode(), KEY_VARIABLE.encode())
            return Response(path, response.status_code, response.headers, shown)
    except httpx.TimeoutException:
        error = f"no complete response within {time.monotonic() - started:.1f} s"
    except (httpx.HTTPError, httpx.InvalidURL) as exception:
        error = str(exception) or type(exception).__name__
        if "WRONG_VERSION_NUMBER" in error:
            error += "; does it speak http:// instead of https://?"
    return Response(path, 0, httpx.Headers(), b"", error)
