"""Owns the asking: every request of the suite leaves here, is recorded, paid for and made safe to print."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx

from harness.client.charges import charge
from harness.client.exchange import Exchange
from harness.client.spend_limit import Purse, Rates
from harness.client.stream import OpenStream, Transcript
from harness.generation.request_normalizer import FRUGAL
from harness.settings import Settings
from harness.violations import Breach, unseen

COMPLETIONS = "/v1/chat/completions"
MODELS = "/v1/models"
BALANCE = "/v1/balance"

# Long enough for a real model's first token, short enough to call silence a hang.
ANSWER_WITHIN = httpx.Timeout(30, connect=5)
LONGEST_WAIT = 30.0
PATIENCE = 3

Headers = Mapping[str, str | None]


@dataclass
class Recorder:
    """The exchanges of the test that runs now, and what is remembered of all tests before it."""

    exchanges: list[Exchange] = field(default_factory=list)
    throttled: list[Exchange] = field(default_factory=list)

    def begin(self) -> None:
        """Start a test; of the last one, only the answers that told it to wait are kept."""
        self.throttled += [exchange for exchange in self.exchanges if exchange.status == 429]
        self.exchanges = []

    def add(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


class Server:
    """The server under test, as one team sees it."""

    def __init__(self, settings: Settings, recorder: Recorder, purse: Purse, *, api_key: str | None = None) -> None:
        self.settings = settings
        self.recorder = recorder
        self.purse = purse
        self.api_key = api_key or settings.api_key
        self.rates = Rates()
        self.patience = PATIENCE
        self._model: str | None = None
        self._no_model: str | None = None
        self._numbers = count(1)
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
        self._http = httpx.Client(base_url=settings.base_url, timeout=ANSWER_WITHIN, limits=limits)

    def close(self) -> None:
        self._http.close()

    def as_other_team(self) -> Server:
        """The same server with a key of another team."""
        if self.settings.other_api_key is None:
            unseen("needs a key of a second team: --other-api-key")
        other = Server(self.settings, self.recorder, self.purse, api_key=self.settings.other_api_key)
        other._model, other.rates = self.model, self.rates
        return other

    # ---------------------------------------------------------------- asking

    def send(self, method: str, path: str, *, headers: Headers | None = None, content: bytes | None = None) -> Exchange:
        """One request, with the key and the pinned version unless `headers` says otherwise (None leaves one out).

        A 429 is asked again after its Retry-After, as often as `patience` says.
        """
        exchange = self._send_once(method, path, self._dressed(headers), content)
        for _ in range(self.patience):
            if not self.waited(exchange):
                break
            exchange = self._send_once(method, path, self._dressed(headers), content)
        return exchange

    def create(
        self, body: Any, *, headers: Headers | None = None, content: bytes | None = None, refused: bool = False
    ) -> Exchange:
        """POST a completion. `refused` says that the contract forbids this request, so that it can cost nothing."""
        sent = content if content is not None else encode(body)
        with self.purse.paying(0.0 if refused else self.rates.ceiling(body)) as bill:
            exchange = self.send("POST", COMPLETIONS, headers=_typed(headers), content=sent)
            bill.charged = charge(exchange)
        return exchange

    def completed(self, body: Any, *, headers: Headers | None = None) -> Exchange:
        """A completion that was created, for rules about what comes after."""
        return self.create(body, headers=headers).expect(200)

    @contextmanager
    def open_stream(self, body: Any, *, headers: Headers | None = None) -> Iterator[OpenStream]:
        """A stream, being read; leaving the block hangs up."""
        ceiling = self.rates.ceiling(body)
        request = self._http.build_request(
            "POST", COMPLETIONS, headers=_present(self._dressed(_typed(headers))), content=encode(body)
        )
        with self.purse.paying(ceiling) as bill:
            exchange, started, response = self._open(request)
            for _ in range(self.patience):
                if not self.waited(exchange):
                    break
                response.close()
                exchange, started, response = self._open(request)
            try:
                with closing(OpenStream(exchange, response, started)) as stream:
                    yield stream
            except httpx.TransportError as error:
                exchange.fault = _told(error)
                raise Breach(f"the stream broke: {exchange.fault}", exchange) from None
            finally:
                # A stream without a receipt is charged all the same; how much, nobody tells.
                bill.charged = charge(exchange) or (ceiling if exchange.status == 200 else 0.0)

    def streamed(self, body: Any, *, headers: Headers | None = None) -> Transcript:
        """A whole stream, read to its end."""
        with self.open_stream({**body, "stream": True}, headers=headers) as stream:
            stream.exchange.expect(200)
            return stream.drain()

    def retrieve(self, completion_id: str, *, headers: Headers | None = None) -> Exchange:
        return self.send("GET", f"{COMPLETIONS}/{quote(completion_id, safe='')}", headers=headers)

    def cancel(self, completion_id: str, *, headers: Headers | None = None) -> Exchange:
        return self.send("POST", f"{COMPLETIONS}/{quote(completion_id, safe='')}/cancel", headers=headers)

    def models(self) -> Exchange:
        return self.send("GET", MODELS)

    def balance(self) -> Exchange:
        return self.send("GET", BALANCE)

    # ---------------------------------------------------------------- phrasing

    @property
    def model(self) -> str:
        """The cheapest chat model on offer. Without one, what asks a model is not tried; that is the list's fault."""
        if self._model is None and self._no_model is None:
            try:
                self._model, self.rates = cheapest(self.models())
            except Breach as breach:
                self._no_model = f"no chat model could be listed: {breach.came}"
        if self._model is None:
            unseen(str(self._no_model))
        return self._model

    def ask(self, text: str = "Say: gold.", **options: Any) -> dict[str, Any]:
        """The body of a small question; each is worded differently, so that no two are the same request.

        It asks for little, because on a live server every word of the answer is paid for.
        """
        question = {"role": "user", "content": f"{text} ({next(self._numbers)})"}
        return {"model": self.model, "messages": [question], **FRUGAL, **options}

    # ---------------------------------------------------------------- sending

    def _dressed(self, headers: Headers | None) -> Headers:
        return {"X-Api-Key": self.api_key, "Aurous-Version": self.settings.api_version, **(headers or {})}

    def _start(self, request: httpx.Request) -> Exchange:
        shown = {name: self.redact(value) for name, value in _as_sent(request.headers).items()}
        exchange = Exchange(request.method, str(request.url), shown, request.content)
        self.recorder.add(exchange)
        return exchange

    def _send_once(self, method: str, path: str, headers: Headers, content: bytes | None) -> Exchange:
        request = self._http.build_request(method, path, headers=_present(headers), content=content)
        exchange = self._start(request)
        started = time.monotonic()
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            exchange.fault = _told(error)
            exchange.seconds = time.monotonic() - started
            return exchange
        exchange.seconds = time.monotonic() - started
        exchange.status = response.status_code
        exchange.headers = _as_sent(response.headers)
        exchange.body = response.content
        return exchange

    def _open(self, request: httpx.Request) -> tuple[Exchange, float, httpx.Response]:
        exchange, started = self._start(request), time.monotonic()
        try:
            response = self._http.send(request, stream=True)
        except httpx.TransportError as error:
            exchange.fault = _told(error)
            raise Breach(f"the stream did not open: {exchange.fault}", exchange) from None
        exchange.status = response.status_code
        exchange.headers = _as_sent(response.headers)
        return exchange, started, response

    def waited(self, exchange: Exchange) -> bool:
        """Wait as a 429 asks; False for any other answer."""
        wait = exchange.header("Retry-After") if exchange.status == 429 else None
        if wait is None or not wait.isdigit():
            return False
        time.sleep(min(float(wait), LONGEST_WAIT))
        return True

    def redact(self, text: str) -> str:
        """A header's value as it may be printed."""
        return self.settings.redact(text)


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="surrogatepass")


def cheapest(models: Exchange) -> tuple[str, Rates]:
    """The chat model with the lowest rates, wherever the row says that it is one."""
    found: list[tuple[float, str, Rates]] = []
    for row in models.expect(200).at("data"):
        metadata = row.get("aurous_metadata") or {}
        if "chat" not in (row.get("kind"), metadata.get("kind")):
            continue
        pricing = row.get("chat_pricing") or metadata.get("chat_pricing") or {}
        try:
            rates = Rates(pricing["input"]["credits_per_M"], pricing["output"]["credits_per_M"])
        except (KeyError, TypeError):
            rates = Rates()
        found.append((rates.input + rates.output, row["id"], rates))
    if not found:
        raise Breach("no model of kind `chat` is listed", models)
    _, slug, rates = min(found, key=lambda row: row[:2])
    return slug, rates


def _typed(headers: Headers | None) -> Headers:
    return {"Content-Type": "application/json", **(headers or {})}


def _present(headers: Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if value is not None}


def _as_sent(headers: httpx.Headers) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.raw}


def _told(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"nothing came within {ANSWER_WITHIN.read:g} s"
    return str(error) or type(error).__name__
