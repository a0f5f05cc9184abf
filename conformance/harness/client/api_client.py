"""The HTTP client of the suite: every request is sent, recorded, paid for and kept within its limits here."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx

from harness.client import deadlines
from harness.client.charges import charged_credits
from harness.client.deadlines import TimeLimit
from harness.client.exchange import Exchange, request_body
from harness.client.header_fields import Headers as Headers  # so that rules need one import
from harness.client.header_fields import decoded_headers, with_content_type, without_omitted
from harness.client.http_client import open_client
from harness.client.key_status import KeyStatus
from harness.client.model_choice import cheapest
from harness.client.reachability import Reachability
from harness.client.recorder import Recorder
from harness.client.spend_limit import Rates, SpendLimit
from harness.client.stream import MAX_BODY_BYTES, OpenStream, Transcript
from harness.client.throttling import Throttle, is_throttled
from harness.client.wire_names import with_names_of_version
from harness.contract import Operation
from harness.generation.request_normalizer import FRUGAL, media_part
from harness.generation.valid_requests import valid_request
from harness.settings import Settings
from harness.violations import NotTested, RuleViolation, not_tested

# Injects a fault into a response of the mock.
FAULT_HEADER = "Aurous-Mock-Fault"
COMPLETIONS = "/v1/chat/completions"
MODELS = "/v1/models"
BALANCE = "/v1/balance"

# Seconds: long enough for a real model's first token, short enough to call silence a hang.
REQUEST_SECONDS = 30.0
STREAM_SECONDS = 90.0
CONNECT_SECONDS = 5.0

OUT_OF_CREDITS = "balance_too_low"
# A team that has fewer credits available cannot pay for a run.
FEWEST_CREDITS = 1.0


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
        self.reachability = reachability or Reachability()
        self.key_status = key_status or KeyStatus()
        self.api_key = api_key or settings.api_key
        self.rates = Rates()
        self.tests_limits = tests_limits
        # How the balance was seen to be changed by other programs of the team; empty if it was not.
        self.other_traffic = ""
        self._other_team: ApiClient | None = None
        self._model: str | None = None
        self._model_metadata: dict[str, Any] = {}
        self._no_model: str | None = None
        self._numbers = count(1)
        self._media_refusals: dict[str, str] = {}
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
        timeout = httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS)
        # The embedded mock is never behind a proxy.
        self._http = open_client(
            settings.base_url, uses_environment=not settings.embedded, timeout=timeout, limits=limits
        )
        deadlines.enforce_deadlines(self._http)
        self._base_path = self._http.base_url.raw_path.decode("ascii").rstrip("/")

    def close(self) -> None:
        self._http.close()
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
                reachability=self.reachability,
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
        request = self._http.build_request(
            method, path, headers=without_omitted(self._with_defaults(headers)), content=content
        )
        return self.send_request(request)

    def call(self, operation: Operation, *, headers: Headers | None = None) -> Exchange:
        """Any operation, with a valid request for what does not exist."""
        request = valid_request(operation)
        sent_headers = {**request.headers, **(headers or {})}
        with self.spend_limit.reserve(0.0) as charge:
            exchange = self.send(operation.method, request.path, headers=sent_headers, content=request.content)
            charge.credits = charged_credits(exchange)
        return exchange

    def send_request(self, request: httpx.Request) -> Exchange:
        """Send a request, with the names of the version, and read its response."""
        named = with_names_of_version(request, self._base_path)
        return self._until_not_throttled(lambda: self._send_once(named))

    def create(
        self, body: Any, *, headers: Headers | None = None, content: bytes | None = None, expect_error: bool = False
    ) -> Exchange:
        """POST a completion. `expect_error` says that the contract forbids this request, so that it costs nothing."""
        sent = content if content is not None else encode(body)
        with self.spend_limit.reserve(0.0 if expect_error else self.rates.ceiling(body)) as charge:
            exchange = self.send("POST", COMPLETIONS, headers=with_content_type(headers), content=sent)
            charge.credits = charged_credits(exchange)
        return exchange

    def complete(self, body: Any, *, headers: Headers | None = None) -> Exchange:
        """A completion that was created, for rules about what comes after."""
        return self.create(body, headers=headers).expect(200)

    @contextmanager
    def open_stream(self, body: Any, *, headers: Headers | None = None) -> Iterator[OpenStream]:
        """A stream that is being read; leaving the block disconnects."""
        ceiling = self.rates.ceiling(body)
        sent_headers = without_omitted(self._with_defaults(with_content_type(headers)))
        request = with_names_of_version(
            self._http.build_request("POST", COMPLETIONS, headers=sent_headers, content=encode(body)), self._base_path
        )
        limit = min(STREAM_SECONDS, self.time_limit.remaining())
        with self.spend_limit.reserve(ceiling) as charge:
            opened: list[httpx.Response] = []

            def attempt() -> Exchange:
                while opened:
                    opened.pop().close()
                exchange, response = self._open(request)
                opened.append(response)
                return exchange

            exchange = self._until_not_throttled(attempt)
            try:
                with deadlines.deadline(limit), closing(OpenStream(exchange, opened[0])) as stream:
                    yield stream
            except httpx.TransportError as error:
                self.time_limit.remaining()
                exchange.transport_error = describe_error(error, limit)
                raise RuleViolation(f"the stream broke: {exchange.transport_error}", exchange) from None
            finally:
                # A stream without a receipt is charged all the same: count the most that it may have cost.
                charge.credits = charged_credits(exchange) if exchange.status == 200 else 0.0

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

    def redact(self, text: str) -> str:
        """A header's value as it may be printed."""
        return self.settings.redact(text)

    # ---------------------------------------------------------------- sending

    def _with_defaults(self, headers: Headers | None) -> Headers:
        return {"X-Api-Key": self.api_key, "Aurous-Version": self.settings.api_version, **(headers or {})}

    def _until_not_throttled(self, attempt: Callable[[], Exchange]) -> Exchange:
        throttle = Throttle(self.time_limit)
        while True:
            exchange = attempt()
            if not is_throttled(exchange) or _is_requested(exchange) or self.tests_limits:
                return exchange
            throttle.wait(exchange.header("Retry-After"))

    def _start(self, request: httpx.Request) -> Exchange:
        headers = {name: self.redact(value) for name, value in decoded_headers(request.headers).items()}
        exchange = Exchange(request.method, str(request.url), headers, request.content, base_path=self._base_path)
        self.recorder.add(exchange)
        return exchange

    def _send_once(self, request: httpx.Request) -> Exchange:
        limit = min(REQUEST_SECONDS, self.time_limit.remaining())
        self.reachability.require()
        self.key_status.require()
        exchange, started = self._start(request), time.monotonic()
        try:
            with deadlines.deadline(limit):
                response = self._http.send(request, stream=True)
                try:
                    exchange.body = read_body(response)
                finally:
                    response.close()
        except (httpx.TransportError, httpx.DecodingError) as error:
            # Raises NotTested if the time of the run was over.
            self.time_limit.remaining()
            exchange.transport_error = self._note_error(error, limit)
        else:
            self.reachability.accepted()
            exchange.status = response.status_code
            exchange.headers = decoded_headers(response.headers)
            exchange.complete = True
        exchange.seconds = time.monotonic() - started
        self._check_key(request, exchange)
        return exchange

    def _open(self, request: httpx.Request) -> tuple[Exchange, httpx.Response]:
        limit = min(REQUEST_SECONDS, self.time_limit.remaining())
        self.reachability.require()
        self.key_status.require()
        exchange = self._start(request)
        try:
            with deadlines.deadline(limit):
                response = self._http.send(request, stream=True)
                if response.status_code >= 400:
                    exchange.body = read_body(response)
        except (httpx.TransportError, httpx.DecodingError) as error:
            self.time_limit.remaining()
            exchange.transport_error = self._note_error(error, limit)
            raise RuleViolation(f"the stream did not open: {exchange.transport_error}", exchange) from None
        self.reachability.accepted()
        exchange.status = response.status_code
        exchange.headers = decoded_headers(response.headers)
        try:
            self._check_key(request, exchange)
        except NotTested:
            response.close()
            raise
        return exchange, response

    def _check_key(self, request: httpx.Request, exchange: Exchange) -> None:
        """End the test if the server refuses the key of the run, which it accepted before, or its team cannot pay.

        One 401 is a fault of the operation, or of a header: GET /v1/models says whether it is the key. Likewise the
        balance says whether a 402 is right.
        """
        bearer = f"Bearer {self.api_key}"
        if self.api_key != request.headers.get("X-Api-Key") and bearer != request.headers.get("Authorization"):
            return
        if exchange.path.startswith("/v1/") and 200 <= exchange.status < 300:
            self.key_status.was_accepted = True
        elif exchange.status == 401 and self.key_status.was_accepted:
            forms = [{"X-Api-Key": self.api_key}, {"Authorization": bearer}]
            if all(self._status_of_models(headers) == 401 for headers in forms):
                self.key_status.refuse(exchange.outcome)
        elif exchange.status == 402 and exchange.get("error", "code") == OUT_OF_CREDITS:
            if self.tests_limits or _is_requested(exchange):
                return
            available = self._available_credits()
            if available < max(FEWEST_CREDITS, self.rates.ceiling(request_body(exchange))):
                self.key_status.run_out(exchange.outcome, available)

    def _status_of_models(self, headers: dict[str, str]) -> int:
        """The status of a request that is no part of a rule; 0 without a response."""
        try:
            with deadlines.deadline(REQUEST_SECONDS), self._http.stream("GET", MODELS, headers=headers) as response:
                return response.status_code
        except httpx.TransportError:
            return 0

    def _available_credits(self) -> float:
        """What the team can spend, by a request that is no part of a rule; no end of it where no balance says less."""
        request = self._http.build_request("GET", BALANCE, headers=without_omitted(self._with_defaults(None)))
        balance = Exchange("GET", str(request.url), base_path=self._base_path)
        try:
            with deadlines.deadline(REQUEST_SECONDS), closing(self._http.send(request, stream=True)) as response:
                balance.body = read_body(response)
        except (httpx.TransportError, httpx.DecodingError):
            return math.inf
        available = balance.get("available_credits")
        is_amount = isinstance(available, int | float) and balance.get("billing_mode") != "exempt"
        return available if is_amount else math.inf

    def _note_error(self, error: Exception, seconds: float) -> str:
        """Why a request has no response, in words."""
        described = describe_error(error, seconds)
        if isinstance(error, httpx.ConnectError):
            self.reachability.refused(described)
        return described


def read_body(response: httpx.Response) -> bytes:
    """The whole body of a response; httpx.ReadError if it is longer than MAX_BODY_BYTES."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise httpx.ReadError(f"the body is longer than {MAX_BODY_BYTES // 2**20} MiB")
    return bytes(body)


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="surrogatepass")


def describe_error(error: Exception, seconds: float) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"no complete response within {seconds:.3g} s"
    return str(error) or type(error).__name__


def _is_requested(exchange: Exchange) -> bool:
    """Whether this very error was requested as a fault of the mock."""
    faults = [value for name, value in exchange.sent_headers.items() if name.lower() == FAULT_HEADER.lower()]
    return any(f"code={exchange.get('error', 'code')}" in value for value in faults)
