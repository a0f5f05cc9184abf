"""What the checks of an engine use: the gateway before it, both clients of the gateway, and the engine itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx
from aurous import Aurous, models, receipt
from openai import OpenAI
from testkit.conditions import eventually
from testkit.mock_process import MockProcess

from compatibility.engine_process import EngineProcess

MODEL, ABSENT_MODEL = "small", "absent"
INPUT_RATE, OUTPUT_RATE = 75, 450
QUESTION: Final = "Name three colours."
_KEY: Final = "al_live_" + "0" * 64
_ADMIN_KEY: Final = "an-admin-key"
_SECONDS: Final = 120.0


class NotApplicable(Exception):  # noqa: N818 - a result of a check, no error
    """The engine has no such feature; the message says what was observed."""


@dataclass
class Subject:
    """An engine behind a running gateway. credits: what was available at the start"""

    gateway: MockProcess
    engine: EngineProcess
    aurous: Aurous
    openai: OpenAI
    http: httpx.Client
    credits: Decimal
    # Of each completion that a check has read, its charge as its receipt says.
    charges: dict[str, Decimal] = field(default_factory=dict)

    def call(self, text: str = QUESTION, **options: Any) -> models.ChatCompletion:
        """A call by this project's client, whose receipt is checked."""
        completion = self.aurous.chat.completions.create(
            **{"model": MODEL, "messages": messages(text), "max_tokens": 40, **options}
        )
        self.check_receipt(completion)
        return completion

    def stream(self, text: str = QUESTION, **options: Any) -> tuple[list[str], models.ChatCompletion]:
        """The pieces of a stream, and its completion, whose receipt is checked."""
        options = {"model": MODEL, "messages": messages(text), "max_tokens": 40, **options}
        with self.aurous.chat.completions.stream(**options) as stream:
            pieces = [piece for piece in stream.text if piece]
        completion = stream.completion
        assert isinstance(completion, models.ChatCompletion), "the stream has no usage"
        self.check_receipt(completion)
        return pieces, completion

    def openai_call(self, text: str = QUESTION, **options: Any) -> Any:
        """A call by OpenAI's client."""
        completion = self.openai.chat.completions.create(
            **{"model": MODEL, "messages": messages(text), "max_tokens": 40, **options}
        )
        self._enter(completion.id)
        return completion

    def openai_stream(self, text: str = QUESTION, **options: Any) -> list[Any]:
        """The chunks of a stream by OpenAI's client."""
        chunks = list(
            self.openai.chat.completions.create(
                **{"model": MODEL, "messages": messages(text), "max_tokens": 40, "stream": True, **options}
            )
        )
        self._enter(chunks[0].id)
        return chunks

    def direct(self, text: str = QUESTION, **members: Any) -> httpx.Response:
        """The engine's own response to a request, past the gateway."""
        launch = self.engine.launch
        body = {"model": launch.model, "messages": messages(text), "max_tokens": 40, **members}
        headers = {"Authorization": f"Bearer {launch.key}"} if launch.key else {}
        return self.http.post(f"{self.engine.url}/chat/completions", json=body, headers=headers)

    def check_receipt(self, completion: models.ChatCompletion) -> None:
        """That a completion is charged at the rates of its model, for what its usage counts."""
        paid, usage = receipt(completion), completion.usage
        assert usage.prompt_tokens > 0, "there are no prompt tokens"
        reasoning = paid.reasoning_tokens or 0
        expected = price(usage.prompt_tokens, usage.completion_tokens + reasoning)
        assert paid.credits == expected, f"{paid.credits} credits are charged in place of {expected}"
        self.charges[completion.id] = paid.credits

    def record(self, completion_id: str) -> dict[str, Any]:
        """The stored completion, with exact decimals."""
        response = self.http.get(f"{self.gateway.url}/v1/chat/completions/{completion_id}", headers=_headers())
        document: dict[str, Any] = json.loads(response.content, parse_float=Decimal)
        return document

    def balance(self) -> tuple[Decimal, Decimal]:
        """What is available, and what is held."""
        response = self.http.get(f"{self.gateway.url}/v1/balance", headers=_headers())
        members = json.loads(response.content, parse_float=Decimal)
        return Decimal(members["available_credits"]), Decimal(members["held_credits"])

    def ledger(self) -> dict[str, Decimal]:
        """What each completion was charged."""
        response = self.http.get(f"{self.gateway.url}/_mock/ledger", headers={"Aurous-Mock-Key": _ADMIN_KEY})
        charges = json.loads(response.content, parse_float=Decimal)["charges"]
        return {charge["completion_id"]: Decimal(charge["credits_charged"]) for charge in charges}

    def wait_settled(self, completion_id: str) -> dict[str, Any]:
        """The record of a completion once it has ended and nothing is held any more."""
        eventually(lambda: self.record(completion_id)["status"] != "in_progress" and self.balance()[1] == 0, _SECONDS)
        return self.record(completion_id)

    def _enter(self, completion_id: str) -> None:
        usage = self.record(completion_id)["usage"]
        self.charges[completion_id] = Decimal(usage["credits_charged"])


def messages(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def price(prompt: int, generated: int) -> Decimal:
    """What tokens cost in credits."""
    return (Decimal(prompt) * INPUT_RATE + Decimal(generated) * OUTPUT_RATE) / 1_000_000


@contextmanager
def behind_gateway(engine: EngineProcess) -> Iterator[Subject]:
    """The engine behind a gateway of its own, for the length of a block."""
    model, key = engine.launch.model, engine.launch.key
    flags = (
        *(("--upstream-key", key) if key else ()),
        *("--upstream", engine.url, "--upstream-timeout", "60", "--no-access-log", "--admin-key", _ADMIN_KEY),
        *("--model", f"{MODEL}={model}:{INPUT_RATE}/{OUTPUT_RATE}"),
        *("--model", f"{ABSENT_MODEL}=no-such-model:{INPUT_RATE}/{OUTPUT_RATE}"),
    )
    with (
        MockProcess(*flags) as gateway,
        Aurous(_KEY, base_url=gateway.url, max_retries=0, timeout=_SECONDS) as aurous,
        OpenAI(api_key=_KEY, base_url=f"{gateway.url}/v1", max_retries=0, timeout=_SECONDS) as openai,
        httpx.Client(timeout=_SECONDS) as http,
    ):
        subject = Subject(gateway, engine, aurous, openai, http, Decimal(0))
        subject.credits = subject.balance()[0]
        yield subject


def _headers() -> dict[str, str]:
    return {"X-Api-Key": _KEY}
