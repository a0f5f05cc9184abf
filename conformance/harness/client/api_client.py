"""The operations of the API as the rules call them, each within what the run may spend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx

from harness import contract
from harness.client import deadlines
from harness.client.charges import charged_credits
from harness.client.deadlines import TimeLimit
from harness.client.exchange import Exchange
from harness.client.header_fields import Headers as Headers  # so that rules need one import
from harness.client.header_fields import with_content_type
from harness.client.key_status import KeyStatus
from harness.client.model_choice import cheapest
from harness.client.reachability import Reachability
from harness.client.recorder import Recorder
from harness.client.request_sender import BALANCE, MODELS, RequestSender, describe_error
from harness.client.request_sender import FAULT_HEADER as FAULT_HEADER
from harness.client.spend_limit import UNKNOWN_PRICE, Rates, SpendLimit
from harness.client.stream import OpenStream, Transcript
from harness.contract import Operation
from harness.generation.request_normalizer import FRUGAL, media_part
from harness.generation.valid_requests import valid_request
from harness.settings import Settings
from harness.violations import RuleViolation, not_tested

COMPLETIONS = "/v1/chat/completions"

# Seconds: long enough for a real model's longest answer to the suite's questions.
STREAM_SECONDS = 90.0


class ApiClient:
    """The server under test, as one team sees it.

    `tests_limits`: its rate limits and credits are what is tested, so that a 429 is not repeated and a 402 ends no run.
    """

    def __init__(
        self,
        settings: Settings,
        recorder: Recorder,
        spend_limit: SpendLimit,
        time_limit: TimeLimit | None = None,
        *,
        reachability: Reachability | None = None,
        key_status: KeyStatus | None = None,
        api_key: str | None = None,
        tests_limits: bool = False,
    ) -> None:
        self.settings = settings
        self.recorder = recorder
        self.spend_limit = spend_limit
        self.time_limit = time_limit or TimeLimit()
        self.api_key = api_key or settings.api_key
        self.rates = Rates()
        # How the balance was seen to be changed by other programs of the team; empty if it was not.
        self.other_traffic = ""
        self._other_team: ApiClient | None = None
        self._model: str | None = None
        self._model_metadata: dict[str, Any] = {}
        self._no_model: str | None = None
        self._numbers = count(1)
        self._media_refusals: dict[str, str] = {}
        self._sender = RequestSender(
            settings,
            recorder,
            self.time_limit,
            api_key=self.api_key,
            reachability=reachability or Reachability(),
            key_status=key_status or KeyStatus(),
            # The rates are those of the model, which is chosen later.
            ceiling=lambda body: self.rates.ceiling(body),
            tests_limits=tests_limits,
        )

    def close(self) -> None:
        self._sender.close()
        if self._other_team is not None:
            self._other_team.close()

    def as_other_team(self) -> ApiClient:
        """The same server with a key of another team; closed with this client."""
        if self.settings.other_api_key is None:
            not_tested("needs a key of a second team: --other-api-key")
        if self._other_team is None:
            key = self.settings.other_api_key
            self._other_team = ApiClient(
                self.settings,
                self.recorder,
                self.spend_limit,
                self.time_limit,
                reachability=self._sender.reachability,
                # Nobody has seen that it is accepted, but nobody claims that it is not.
                key_status=KeyStatus("--other-api-key", was_accepted=True),
                api_key=key,
            )
        self._other_team._model, self._other_team.rates = self.model, self.rates
        self._other_team._model_metadata = self.model_metadata
        return self._other_team

    # ---------------------------------------------------------------- requests

    def send(self, method: str, path: str, *, headers: Headers | None = None, content: bytes | None = None) -> Exchange:
        """One request, with the key and the pinned version unless `headers` says otherwise (None omits one).

        After a 429, or a 503 of the type rate_limit, it is sent again when Retry-After says, unless `tests_limits`.
        """
        return self.send_request(self._sender.request(method, path, headers=headers, content=content))

    def call(self, operation: Operation, *, headers: Headers | None = None) -> Exchange:
        """Any operation, with a valid request, though with made-up ids; NotTested if it may cost more than is left."""
        request = valid_request(operation)
        sent_headers = {**request.headers, **(headers or {})}
        is_charged = contract.charge_of(operation.method, operation.path) is not None
        with self.spend_limit.reserve(UNKNOWN_PRICE if is_charged else None) as charge:
            exchange = self.send(operation.method, request.path, headers=sent_headers, content=request.content)
            charge.credits = charged_credits(exchange)
        return exchange

    def send_request(self, request: httpx.Request) -> Exchange:
        """Send a request, with the names of the version, and read its response."""
        return self._sender.send(request)

    def create(
        self, body: Any, *, headers: Headers | None = None, content: bytes | None = None, expect_error: bool = False
    ) -> Exchange:
        """POST a completion.

        `expect_error` says that the contract forbids this request, so that it costs nothing, unless it is served.
        """
        sent, ceiling = content if content is not None else encode(body), self.rates.ceiling(body)
        with self.spend_limit.reserve(0.0 if expect_error else ceiling) as charge:
            exchange = self.send("POST", COMPLETIONS, headers=with_content_type(headers), content=sent)
            charge.credits = charged_credits(exchange)
            if charge.credits is None and exchange.status:
                charge.credits = ceiling
        return exchange

    def complete(self, body: Any, *, headers: Headers | None = None) -> Exchange:
        """A completion that was created, for rules about what comes after."""
        return self.create(body, headers=headers).expect(200)

    @contextmanager
    def open_stream(self, body: Any, *, headers: Headers | None = None) -> Iterator[OpenStream]:
        """A stream that is being read; leaving the block disconnects."""
        ceiling = self.rates.ceiling(body)
        request = self._sender.request("POST", COMPLETIONS, headers=with_content_type(headers), content=encode(body))
        with self.spend_limit.reserve(ceiling) as charge:
            exchange, response = self._sender.open(request)
            charge.credits = charged_credits(exchange)
            if response is None:
                raise RuleViolation(f"the stream did not open: {exchange.transport_error}", exchange)
            with closing(OpenStream(exchange, response)) as stream:
                # Not before: opening may have waited as long as the server throttles.
                limit = min(STREAM_SECONDS, self.time_limit.remaining())
                try:
                    with deadlines.deadline(limit):
                        yield stream
                except (httpx.TransportError, httpx.DecodingError) as error:
                    self.time_limit.remaining()
                    exchange.transport_error = describe_error(error, limit)
                    raise RuleViolation(f"the stream broke: {exchange.transport_error}", exchange) from None
                finally:
                    charge.credits = charged_credits(exchange)

    def stream(self, body: Any, *, headers: Headers | None = None) -> Transcript:
        """A whole stream, read to its end."""
        with self.open_stream({**body, "stream": True}, headers=headers) as stream:
            # Read even if it is an error, so that a violation can show it.
            transcript = stream.drain()
            stream.exchange.expect(200)
            return transcript

    def retrieve(self, completion_id: str, *, headers: Headers | None = None) -> Exchange:
        return self.send("GET", f"{COMPLETIONS}/{quote(completion_id, safe='')}", headers=headers)

    def cancel(self, completion_id: str, *, headers: Headers | None = None) -> Exchange:
        exchange = self.send("POST", f"{COMPLETIONS}/{quote(completion_id, safe='')}/cancel", headers=headers)
        if exchange.status == 200:
            self.recorder.mark_cancelled(completion_id)
        return exchange

    def models(self) -> Exchange:
        return self.send("GET", MODELS)

    def balance(self) -> Exchange:
        return self.send("GET", BALANCE)

    # ---------------------------------------------------------------- request bodies

    @property
    def model(self) -> str:
        """The cheapest chat model on offer. Without one, rules that need a model are not tested."""
        if self._model is None and self._no_model is None:
            try:
                self._model, self.rates, self._model_metadata = cheapest(self.models())
            except RuleViolation as violation:
                self._no_model = f"no chat model could be listed: {violation.actual}"
        if self._model is None:
            not_tested(str(self._no_model))
        return self._model

    @property
    def model_metadata(self) -> dict[str, Any]:
        """The `aurous_metadata` of that model: its capabilities and limits, as far as the server lists them."""
        return self._model_metadata if self.model else {}

    def chat_body(self, text: str = "Say: gold.", **options: Any) -> dict[str, Any]:
        """The body of a small question; each is worded differently, so that no two are the same request.

        It asks for a short answer, because a live server charges for every token.
        """
        question = {"role": "user", "content": f"{text} ({next(self._numbers)})"}
        return {"model": self.model, "messages": [question], **FRUGAL, **options}

    def media_refusal(self, kind: str) -> str:
        """How the server refuses a part of this kind with a data: URI; empty if it accepts it. Asked once.

        Pages disagree on data: URIs, and no address is known that every server can fetch.
        """
        if kind not in self._media_refusals:
            message = {"role": "user", "content": [media_part(kind)]}
            exchange = self.create({**self.chat_body(), "messages": [message]})
            self._media_refusals[kind] = exchange.outcome if exchange.status in (400, 422) else ""
        return self._media_refusals[kind]


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="surrogatepass")
