"""The records of results, of clients and of engines, and the page that is written from them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from compatibility.clients import CLIENTS
from compatibility.engines import ENGINES
from compatibility.gateway_checks import CHECKS as ENGINE_CHECKS
from compatibility.runner import CHECKS, FAILED, NOT_APPLICABLE, PASSED, Result

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).parent / "RESULTS.json"
ENGINE_RECORD = Path(__file__).parent / "ENGINES.json"
PAGE = ROOT / "conformance" / "COMPATIBILITY.md"
_SIGNS = {PASSED: "yes", FAILED: "**no**", NOT_APPLICABLE: "n/a"}
_HEAD = """\
# Third-party clients on the mock

Written by `scripts/compat.py --record`, which installs each client in an environment of its own, and runs its driver
in `scripts/compatibility/drivers` against `aurous-mock`. Each answers a question (call, and stream where the client
shows one), calls a function (tools), fills in a class or a schema (structured), and raises the mock's refusal of an
unknown model with its reason (errors).

"""
_NOTES = """
## Recipes

**`tool_choice: required`** (marked 1). The API refuses it with 400 `tool_choice_required_unsupported` for models
without the capability, `aurous-grow-2.0-pro` among them. The drivers use the mock's model `aurous-mock-full`, which has
it. With `aurous-grow-2.0-pro`:

| client | recipe |
|---|---|
| Pydantic AI | `output_type=NativeOutput(...)`, or `OpenAIModelProfile(openai_supports_tool_choice_required=False)` |
| smolagents | `OpenAIModel(..., tool_choice="auto")` |
| Magentic | functions that return `str`; classes are always required tools |
| Strands Agents | tools are `auto`; `structured_output_model` is always a required tool |
| Instructor | `Mode.TOOLS`, which names its tool, or `Mode.JSON_SCHEMA` |
| LangChain | `with_structured_output(..., method="json_schema")`; no `tool_choice="any"` |

**Prose** (marked 2). A client that describes tools or the form of an answer in its prompt needs a language model to
read it, and the mock has none. Script the answers: `aurous_mock.answers({"json": {"answer": "Red."}})`.

**Address.** Clients that read `OPENAI_BASE_URL` and `OPENAI_API_KEY` need no other setting. Those that use OpenAI's
Responses API by default have to be told to use chat completions: `OpenAIChatCompletionsModel` (Agents SDK),
`OpenAIChatModel` (Pydantic AI), `ChatOpenAICompletions` (chatlas), `openai:completions` (Mirascope).
"""
_ENGINES_HEAD = """
## Engines behind the gateway

Written by `scripts/compat.py --engines --record`, which installs each engine in an environment of its own, starts it,
and `aurous-mock --upstream` before it. Checks are made with `aurous` and with OpenAI's client. Usage and charge are
compared with what the engine counts, with the ledger and with the balance (call, stream, charge); a stream is
cancelled, and one is left (cancel); the engine is killed with SIGKILL in the middle of a stream (killed). What an
engine lacks was observed by asking it past the gateway.

"""
_MARKS = {"required": " ¹", "prose": " ²"}


def read() -> dict[str, Result]:
    """The recorded results, by client."""
    return _read(RECORD, CLIENTS)


def read_engines() -> dict[str, Result]:
    """The recorded results, by engine."""
    return _read(ENGINE_RECORD, ENGINES)


def write(results: Mapping[str, Result]) -> None:
    """Write the record of clients, and the page."""
    _write(RECORD, CLIENTS, results)
    _write_page()


def write_engines(results: Mapping[str, Result]) -> None:
    """Write the record of engines, and the page."""
    _write(ENGINE_RECORD, ENGINES, results)
    _write_page()


def render(clients: Mapping[str, Result], engines: Mapping[str, Result]) -> str:
    """The page of these results."""
    return _HEAD + _clients_table(clients) + _NOTES + _ENGINES_HEAD + _engines_table(engines)


def _clients_table(results: Mapping[str, Result]) -> str:
    titles = {}
    for name, client in CLIENTS.items():
        package = f"{'npm' if client.is_javascript else 'PyPI'} {client.package}"
        titles[name] = f"{name}{_MARKS.get(client.note, '')} ({package})"
    reasons = [
        f"- {name}, {check}: {_one_line(each['reason'])}"
        for name in CLIENTS
        if name in results
        for check, each in results[name].checks.items()
        if each["result"] != PASSED
    ]
    explained = "\nNot applicable (n/a), or failed:\n\n" + "\n".join(reasons) + "\n" if reasons else ""
    return _table("client", CHECKS, titles, results) + explained


def _engines_table(results: Mapping[str, Result]) -> str:
    titles = {name: f"{name}, {engine.setting}" for name, engine in ENGINES.items()}
    notes = [
        f"- {name}, {check}: {_one_line(each['reason'])}"
        for name in ENGINES
        if name in results
        for check, each in results[name].checks.items()
        if each["reason"]
    ]
    observed = "\nObserved:\n\n" + "\n".join(notes) + "\n" if notes else ""
    return _table("engine", ENGINE_CHECKS, titles, results) + observed


def _table(kind: str, checks: Collection[str], titles: Mapping[str, str], results: Mapping[str, Result]) -> str:
    lines = [f"| {kind} | version | {' | '.join(checks)} | tested |", f"|---|---|{'---|' * len(checks)}---|"]
    for name, title in titles.items():
        if (result := results.get(name)) is not None:
            signs = [_SIGNS[result.checks[check]["result"]] for check in checks]
            lines.append(f"| {title} | {result.version} | {' | '.join(signs)} | {result.date} |")
    return "\n".join(lines) + "\n"


def _read(record: Path, names: Iterable[str]) -> dict[str, Result]:
    if not record.exists():
        return {}
    recorded = json.loads(record.read_text("utf-8"))
    return {name: Result(**recorded[name]) for name in names if name in recorded}


def _write(record: Path, names: Iterable[str], results: Mapping[str, Result]) -> None:
    recorded = {name: asdict(results[name]) for name in names if name in results}
    record.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_page() -> None:
    PAGE.write_text(render(read(), read_engines()), encoding="utf-8")


def _one_line(reason: str) -> str:
    text = " ".join(reason.split())
    return text if len(text) <= 200 else f"{text[:200]}..."
