"""Attacks on the gateway by a tenant who wants what only its operator may do."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from attacks.registry import Observations, attack
from attacks.target_gateway import ADMIN_KEY, CREDITS, ask, balance, charges, gateway, request, says
from attacks.target_server import KEY, OTHER_KEY, running_server


@attack("tenant-privileges", target="server", slow=True)
def tenant_privileges(observed: Observations) -> None:
    """A tenant names faults and scripts, and asks for /_mock/ in disguise; it gets nothing, and pays each answer."""
    tried, opened, free = 0, [], []
    for flags in ((), ("--admin-key", ADMIN_KEY)):
        with gateway(*flags) as (server, upstream):
            upstream.plays(says({"content": "one two three"}))
            paid = Decimal(0)
            for header in _FAULTS:
                status, _, body = ask(server, headers=dict([header]))
                tried += 1
                spent = CREDITS - balance(server)[0] - paid
                paid += spent
                if status != 200 or spent <= 0 or b"one two three" not in body:
                    free.append(f"{header}: status {status}, {spent} credits")
            for method, path, headers in _disguises():
                tried += 1
                status, _, body = request(server, method, path, headers)
                if status < 400 or b'"charges"' in body or b"aurous_mock_" in body:
                    opened.append(f"{method} {path} {headers}: {status}")
            credits, held = balance(server)
            observed.check(f"credits are as before{_with(flags)}", credits == CREDITS - paid and not held, str(credits))
            other = balance(server, OTHER_KEY)[0]
            observed.check(f"another team's credits are untouched{_with(flags)}", other == CREDITS, str(other))
            if flags:
                observed.check("the admin key opens the ledger", len(charges(server)) == len(_FAULTS))
    with running_server() as server:
        for method, path, headers in _forgeries():
            tried += 1
            status, _, _ = request(server, method, path, headers)
            if status < 400:
                opened.append(f"without --upstream, {method} {path} {headers}: {status}")
    observed.figures |= {"requests": tried, "let in": len(opened), "faults that took effect": len(free)}
    observed.check("no disguise opens /_mock/ or /metrics", not opened, "; ".join(opened[:5]))
    observed.check("no fault or script takes effect, and each answer is paid", not free, "; ".join(free[:5]))


_FAULTS: Final = (
    ("Aurous-Mock-Fault", "status=503; when=after"),
    ("Aurous-Mock-Fault", "reset=after"),
    ("Aurous-Mock-Fault", "latency=60"),
    ("Aurous-Mock-Fault", "code=balance_too_low"),
    ("Aurous-Mock-Fault", "html"),
    ("Aurous-Mock-Answer", "Mine."),
)
_ROUTES: Final = (
    ("GET", "/_mock/ledger"),
    ("POST", "/_mock/reset"),
    ("POST", "/_mock/clock"),
    ("POST", "/_mock/faults"),
    ("POST", "/_mock/answers"),
    ("GET", "/metrics"),
)
# What browsers send, what proxies add, and names that lead to this machine.
_FORGED: Final[tuple[dict[str, str], ...]] = (
    {"Origin": "https://attacker.example"},
    {"Origin": "null", "Content-Type": "text/plain"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Referer": "https://attacker.example/"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "garbage, ::1"},
    {"Forwarded": "for=127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"Host": "attacker.example"},
    {"Host": "127.0.0.1.attacker.example"},
    {"Host": "localhost@attacker.example"},
)


def _forgeries() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Requests of a web page or through a proxy to a mock on this machine."""
    for method, path in _ROUTES:
        for headers in _FORGED:
            yield method, path, headers


def _disguises() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Requests of a tenant for what only the operator may do."""
    yield from _forgeries()
    for method, path in _ROUTES:
        yield method, path, {}
        yield method, path, {"X-Api-Key": KEY}
        yield method, path, {"Authorization": f"Bearer {KEY}"}
        yield method, path, {"Aurous-Mock-Key": KEY, "X-Api-Key": KEY}
        yield method, path, {"Aurous-Mock-Key": "", "Host": "localhost"}
        yield method, path, {"Authorization": "Bearer ", "X-Forwarded-Host": "localhost"}
        name = path.removeprefix("/")
        for disguise in (
            f"//{name}",
            f"/v1/../{name}",
            f"/./{name}",
            f"/{name}/",
            f"/%5fmock/{name[6:]}",
            path.upper(),
        ):
            yield method, disguise, {"X-Api-Key": KEY}
        yield "OPTIONS", path, {"Origin": "https://attacker.example", "Access-Control-Request-Method": method}
        yield "GET", "/v1/models", {"X-Http-Method-Override": method, "X-Original-Url": path}


def _with(flags: tuple[str, ...]) -> str:
    return ", with --admin-key" if flags else ""
