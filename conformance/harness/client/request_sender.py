"""Sends the requests of the suite: those of rules are recorded, kept within limits, and repeated while throttled."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing

import httpx

from harness.client import deadlines
from harness.client.deadlines import TimeLimit
from harness.client.exchange import Exchange, request_body
from harness.client.header_fields import Headers, decoded_headers, without_omitted
from harness.client.http_client import open_client
from harness.client.key_status import KeyStatus
from harness.client.reachability import Reachability
from harness.client.recorder import Recorder
from harness.client.stream import MAX_BODY_BYTES
from harness.client.throttling import Throttle, is_throttled
from harness.client.wire_names import with_names_of_version
from harness.settings import Settings
from harness.violations import NotTested

# Injects a fault into a response of the mock.
FAULT_HEADER = "Aurous-Mock-Fault"
MODELS = "/v1/models"
BALANCE = "/v1/balance"

# Seconds: long enough for a real model's first token, short enough to call silence a hang.
REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 5.0
# Many servers (uvicorn, Node.js) close connections that are idle for 5 seconds, and lose a request that is sent just
# then: no fault of theirs, but the rule that sent it would fail.
IDLE_SECONDS = 2.0

OUT_OF_CREDITS = "balance_too_low"
# The server has received nothing, and so charged nothing.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

# A team that has fewer credits available cannot pay for a run.
FEWEST_CREDITS = 1.0


class RequestSender:
    """The connections to the server under test, with one key.

    ceiling:      the most credits that a request costs, by its body
    tests_limits: rate limits and credits are what is tested, so that a 429 is not repeated and a 402 ends no run
    """

    def __init__(
        self,
        settings: Settings,
        recorder: Recorder,
        time_limit: TimeLimit,
        *,
        api_key: str,
        reachability: Reachability,
        key_status: KeyStatus,
        ceiling: Callable[[object], float],
        tests_limits: bool,
    ) -> None:
        self.api_key = api_key
        self.reachability = reachability
        self._settings = settings
        self._recorder = recorder
        self._time_limit = time_limit
        self._key_status = key_status
        self._ceiling = ceiling
        self._tests_limits = tests_limits
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=IDLE_SECONDS)
        timeout = httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS)
        # The embedded mock is never behind a proxy.
        self._http = open_client(
            settings.base_url, uses_environment=not settings.embedded, timeout=timeout, limits=limits
        )
        deadlines.enforce_deadlines(self._http)
        self._base_path = self._http.base_url.raw_path.decode("ascii").rstrip("/")

    def close(self) -> None:
        self._http.close()

    def request(
        self, method: str, path: str, *, headers: Headers | None = None, content: bytes | None = None
    ) -> httpx.Request:
        """A request with the key and the pinned version, unless `headers` says otherwise (None omits one)."""
        defaults = {"X-Api-Key": self.api_key, "Aurous-Version": self._settings.api_version}
        fields = without_omitted({**defaults, **(headers or {})})
        return self._http.build_request(method, path, headers=fields, content=content)

    def send(self, request: httpx.Request) -> Exchange:
        """Send a request, with the names of the version, and read its response."""
        named = with_names_of_version(request, self._base_path)
        return self._until_not_throttled(lambda: self._send_once(named))

    def open(self, request: httpx.Request) -> tuple[Exchange, httpx.Response | None]:
        """Send a request, with the names of the version.

        Returns the response unread, but for one that is an error; None if there was none.
        """
        named = with_names_of_version(request, self._base_path)
        response: httpx.Response | None = None

        def attempt() -> Exchange:
            nonlocal response
            if response is not None:
                response.close()
            exchange, response = self._open_once(named)
            return exchange

        return self._until_not_throttled(attempt), response

    def _until_not_throttled(self, attempt: Callable[[], Exchange]) -> Exchange:
        throttle = Throttle(self._time_limit)
        while True:
            exchange = attempt()
            if not is_throttled(exchange) or _is_requested(exchange) or self._tests_limits:
                return exchange
            throttle.wait(exchange.header("Retry-After"))

    def _start(self, request: httpx.Request) -> Exchange:
        """Record a request that is about to be sent. NotTested if the server is gone, or refuses the key."""
        self.reachability.require()
        self._key_status.require()
        headers = {name: self._settings.redact(value) for name, value in decoded_headers(request.headers).items()}
        exchange = Exchange(request.method, str(request.url), headers, request.content, base_path=self._base_path)
        self._recorder.add(exchange)
        return exchange

    def _send_once(self, request: httpx.Request) -> Exchange:
        limit = self._seconds_left()
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
            self._time_limit.remaining()
            self._note_error(exchange, error, limit)
        else:
            self.reachability.accepted()
            exchange.status = response.status_code
            exchange.headers = decoded_headers(response.headers)
            exchange.complete = True
        exchange.seconds = time.monotonic() - started
        self._check_key(request, exchange)
        return exchange

    def _open_once(self, request: httpx.Request) -> tuple[Exchange, httpx.Response | None]:
        limit = self._seconds_left()
        exchange = self._start(request)
        try:
            with deadlines.deadline(limit):
                response = self._http.send(request, stream=True)
                try:
                    if response.status_code >= 400:
                        exchange.body = read_body(response)
                except BaseException:
                    response.close()
                    raise
        except (httpx.TransportError, httpx.DecodingError) as error:
            self._time_limit.remaining()
            self._note_error(exchange, error, limit)
            return exchange, None
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
            self._key_status.was_accepted = True
        elif exchange.status == 401 and self._key_status.was_accepted:
            forms = [{"X-Api-Key": self.api_key}, {"Authorization": bearer}]
            if all(self._status_of_models(headers) == 401 for headers in forms):
                self._key_status.refuse(exchange.outcome)
        elif exchange.status == 402 and exchange.get("error", "code") == OUT_OF_CREDITS:
            if self._tests_limits or _is_requested(exchange):
                return
            available = self._available_credits()
            if available < max(FEWEST_CREDITS, self._ceiling(request_body(exchange))):
                self._key_status.run_out(exchange.outcome, available)

    def _status_of_models(self, headers: dict[str, str]) -> int:
        """The status of a request that is no part of a rule; 0 without a response."""
        try:
            with (
                deadlines.deadline(self._seconds_left()),
                self._http.stream("GET", MODELS, headers=headers) as response,
            ):
                return response.status_code
        except httpx.TransportError:
            return 0

    def _available_credits(self) -> float:
        """What the team can spend, by a request that is no part of a rule; no end of it where no balance says less."""
        request = self.request("GET", BALANCE)
        balance = Exchange("GET", str(request.url), base_path=self._base_path)
        try:
            with deadlines.deadline(self._seconds_left()), closing(self._http.send(request, stream=True)) as response:
                balance.body = read_body(response)
        except (httpx.TransportError, httpx.DecodingError):
            return math.inf
        available = balance.get("available_credits")
        is_amount = isinstance(available, int | float) and balance.get("billing_mode") != "exempt"
        return available if is_amount else math.inf

    def _seconds_left(self) -> float:
        """The time of one request. NotTested if that of the run is over."""
        return min(REQUEST_SECONDS, self._time_limit.remaining())

    def _note_error(self, exchange: Exchange, error: Exception, seconds: float) -> None:
        """Note why a request has no response, and whether it may have been charged."""
        exchange.transport_error = describe_error(error, seconds)
        exchange.response_lost = not isinstance(error, _NOT_SENT)
        if isinstance(error, httpx.ConnectError):
            self.reachability.refused(exchange.transport_error)


def read_body(response: httpx.Response) -> bytes:
    """The whole body of a response; httpx.ReadError if it is longer than MAX_BODY_BYTES."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise httpx.ReadError(f"the body is longer than {MAX_BODY_BYTES // 2**20} MiB")
    return bytes(body)


def describe_error(error: Exception, seconds: float) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {min(seconds, CONNECT_SECONDS):.3g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"no complete response within {seconds:.3g} s"
    return str(error) or type(error).__name__


def _is_requested(exchange: Exchange) -> bool:
    """Whether this very error was requested as a fault of the mock."""
    faults = [value for name, value in exchange.sent_headers.items() if name.lower() == FAULT_HEADER.lower()]
    return any(f"code={exchange.get('error', 'code')}" in value for value in faults)
