"""The record of results, and the page that is written from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from compatibility.clients import CLIENTS
from compatibility.runner import CHECKS, FAILED, NOT_APPLICABLE, PASSED, Result

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).parent / "RESULTS.json"
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
_MARKS = {"required": " ¹", "prose": " ²"}


def read() -> dict[str, Result]:
    """The recorded results, by client."""
    if not RECORD.exists():
        return {}
    recorded = json.loads(RECORD.read_text("utf-8"))
    return {name: Result(**recorded[name]) for name in CLIENTS if name in recorded}


def write(results: Mapping[str, Result]) -> None:
    """Write the record and the page."""
    recorded = {name: asdict(results[name]) for name in CLIENTS if name in results}
    RECORD.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(render(results), encoding="utf-8")


def render(results: Mapping[str, Result]) -> str:
    """The page of these results."""
    lines = [f"| client | version | {' | '.join(CHECKS)} | tested |", f"|---|---|{'---|' * len(CHECKS)}---|"]
    reasons = []
    for name, client in CLIENTS.items():
        if (result := results.get(name)) is None:
            continue
        signs = [_SIGNS[result.checks[check]["result"]] for check in CHECKS]
        package = f"{'npm' if client.is_javascript else 'PyPI'} {client.package}"
        mark = _MARKS.get(client.note, "")
        lines.append(f"| {name}{mark} ({package}) | {result.version} | {' | '.join(signs)} | {result.date} |")
        reasons += [
            f"- {name}, {check}: {_one_line(each['reason'])}"
            for check, each in result.checks.items()
            if each["result"] != PASSED
        ]
    explained = "\nNot applicable (n/a), or failed:\n\n" + "\n".join(reasons) + "\n" if reasons else ""
    return _HEAD + "\n".join(lines) + "\n" + explained + _NOTES


def _one_line(reason: str) -> str:
    text = " ".join(reason.split())
    return text if len(text) <= 200 else f"{text[:200]}..."
