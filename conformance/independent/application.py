"""The application: finds the route of a request, authenticates it, and turns whatever happens into a response."""

from __future__ import annotations

import re
import sys
import traceback
from datetime import date
from urllib.parse import unquote

from . import canonical_json, validation_formats, validation_messages
from .accounts import KeyRing, Team
from .clock import Clock
from .errors import ApiError
from .identifiers import new_id
from .messages import Call, Request, Response
from .rate_limits import RateLimits
from .seams import Seams
from .service import ChatService

__all__ = ["VERSION", "Application", "validation_formats", "validation_messages"]

VERSION = "2026-05-15"
_VERSION_FORM = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ROUTES: list[tuple[str, str, str]] = [
    ("create", "POST", r"/v1/chat/completions"),
    ("retrieve", "GET", r"/v1/chat/completions/([^/]+)"),
    ("cancel", "POST", r"/v1/chat/completions/([^/]+)/cancel"),
    ("models", "GET", r"/v1/models"),
    ("balance", "GET", r"/v1/balance"),
]


class Application:
    """The API, apart from HTTP: `handle` takes a request and returns a response."""

    def __init__(self, *, pace: float, latency: float, clock: Clock) -> None:
        self.clock = clock
        self.seams = Seams()
        self.keys = KeyRing()
        self.teams: dict[str, Team] = {}
        self.anonymous = RateLimits(self.clock)
        self.chat = ChatService(self.seams, self.clock, pace=pace, latency=latency)

    def add_team(self, name: str, credits: int) -> Team:
        team = self.teams[name] = Team(name, self.clock, credits)
        return team

    def handle(self, request: Request) -> Response:
        """Return the response to a request, whatever the request is."""
        call = Call(request, request_id=new_id("req"), version=VERSION)
        try:
            response = self._answer(call)
        except ApiError as error:
            response = self.refuse(call, error)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            response = self.refuse(call, ApiError("internal_error", "The platform failed."))
        try:
            for name, value in self.headers(call).items():
                response.headers.setdefault(name, value)
            for edit in self.seams.response:
                edit(call, response)
        except BaseException:
            response.on_close()
            raise
        return response

    def refuse(self, call: Call, error: ApiError) -> Response:
        """Return the response that tells an error, which the call then has."""
        call.error = error
        return Response(error.status, dict(error.headers), error.envelope(call.request_id), close=error.close)

    def headers(self, call: Call) -> dict[str, str]:
        """Return the headers that every response has."""
        limits = call.team.limits if call.team is not None else self.anonymous
        headers = {"Aurous-Request-Id": call.request_id, "Aurous-Version": call.version}
        headers |= limits.requests(call.request.method).headers("X-RateLimit")
        if call.about_chat:
            headers |= limits.tokens.headers("X-RateLimit-TPM")
        headers["Content-Type"] = "application/json"
        return headers

    def _answer(self, call: Call) -> Response:
        if call.request.problem is not None:
            raise call.request.problem
        allowed = self._route(call)
        call.key = self.keys.authenticate(call.request.headers, call.request.method)
        call.team = call.key.team
        if call.route is None:
            if allowed:
                message = f"{call.request.method} is not allowed here; use {' or '.join(allowed)}."
                raise ApiError("method_not_allowed", message, headers={"Allow": ", ".join(allowed)})
            raise ApiError("resource_not_found", "There is nothing at this path.")
        self.limit(call)
        self.check_version(call)
        if call.route == "create":
            self._read_body(call)
            for edit in self.seams.call:
                edit(call)
            response = self.chat.create(call)
            self._take_tokens(call)
            return response
        if call.route == "retrieve":
            return self.chat.retrieve(call)
        if call.route == "cancel":
            return self.chat.cancel(call)
        if call.route == "models":
            return Response(document={"object": "list", "data": [model.row() for model in self.chat.models.values()]})
        return Response(document=self.balance(call))

    def balance(self, call: Call) -> dict[str, object]:
        if call.team is None:
            raise ApiError("missing_api_key", "Send your API key in X-Api-Key or as a bearer token.")
        return call.team.ledger.balance()

    def _route(self, call: Call) -> list[str]:
        allowed = []
        method = "GET" if call.request.method == "HEAD" else call.request.method
        for name, route_method, pattern in _ROUTES:
            match = re.fullmatch(pattern, call.request.path)
            if match is None:
                continue
            allowed.append(route_method)
            if route_method == method:
                call.route = name
                call.target = unquote(match.group(1)) if match.groups() else ""
        return allowed

    def limit(self, call: Call) -> None:
        """Take a request from the team's bucket; ApiError 429 if it is empty."""
        limits = call.team.limits if call.team is not None else self.anonymous
        wait = limits.requests(call.request.method).take()
        if wait:
            message = f"Too many requests. Ask again in {wait} s."
            raise ApiError("too_many_requests", message, headers={"Retry-After": str(wait)})

    def _take_tokens(self, call: Call) -> None:
        if call.completion is not None and call.team is not None:
            call.team.limits.tokens.take(call.completion.request.prompt_tokens + len(call.completion.answer.pieces))

    def check_version(self, call: Call) -> None:
        """Raise ApiError 400 for an Aurous-Version that is no date, or not a version."""
        asked = call.request.headers.get("Aurous-Version")
        if asked is None:
            return
        try:
            well_formed = _VERSION_FORM.fullmatch(asked) is not None and bool(date.fromisoformat(asked))
        except ValueError:
            well_formed = False
        if not well_formed:
            message = f"Aurous-Version must be a date such as {VERSION}."
            raise ApiError("invalid_format", message, param="Aurous-Version")
        if asked != VERSION:
            raise ApiError("unknown_version", f"There is no version {asked}.", param="Aurous-Version")

    def _read_body(self, call: Call) -> None:
        media_type = (call.request.headers.get("Content-Type") or "application/json").partition(";")[0]
        if media_type.strip().lower() != "application/json":
            raise ApiError("unsupported_media_type", "Send the body as application/json.")
        try:
            call.body = canonical_json.parse(call.request.body)
        except ValueError as error:
            raise ApiError("invalid_format", f"The body is not usable JSON: {error}.") from None
