"""Legal variations of bodies, headers and statuses: what the documentation leaves open."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from aurous_mock.generation.engine import Pace

from mutants.messages import BALANCE, CREATE, MODELS, Bytes, Frame, Request, Response, refusal
from mutants.registry import Behaviour, Frames, Replacement, variation

CONTRACT = "openapi.yaml"
HTTP = "RFC 9110"
ERRORS = "errors"
CREATE_PAGE = "api-reference/chat/create-a-chat-completion"
MODELS_PAGE = "api-reference/models/list-chat-and-embedding-models"
BALANCE_PAGE = "api-reference/public-api-v1/get-credit-balance"
KEYS = "api-reference/chat/idempotency"
# The first documented version, which is always served.
FIRST_VERSION = "2026-05-15"
CODES = "Which code an invalid member has is not documented."


@variation.behaviour("plain", "The mock as it is, behind the proxy of all variants.", CONTRACT)
class Plain(Behaviour):
    """Alters nothing."""


def _add_member(value: Any) -> None:
    """Adds an unknown member to every object, those in the text of an answer aside."""
    if isinstance(value, dict):
        for each in list(value.values()):
            _add_member(each)
        value["x_extra"] = {"since": "2027"}
    elif isinstance(value, list):
        for each in value:
            _add_member(each)


@variation.behaviour("body.extra_members", "Extra members are always allowed.", CONTRACT)
class ExtraMembers(Behaviour):
    def response(self, request: Request, response: Response) -> None:
        if not response.streamed:
            _add_member(response.body)

    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.body:
            _add_member(frame.body)
        return None


@variation.response("header.extra", "Extra headers are always allowed.", HTTP)
def add_headers(request: Request, response: Response) -> None:
    response.headers["server"] = "aurous"
    response.headers["x-powered-by"] = "a model"
    response.headers["strict-transport-security"] = "max-age=31536000"
    response.headers.append("vary", "Accept-Encoding")


@variation.behaviour("header.case", "Header names are case-insensitive.", HTTP)
class HeaderCase(Behaviour):
    def bytes(self, data: bytes) -> Iterable[bytes]:
        if not data.startswith(b"HTTP/1.1 "):
            return (data,)
        head, blank, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        named = [line.partition(b":") for line in lines]
        return (b"\r\n".join([first, *(name.title() + colon + value for name, colon, value in named)]) + blank + rest,)


@variation.response("header.connection_closed", "A server may close a connection after an answer.", HTTP)
def close_connections(request: Request, response: Response) -> None:
    response.headers["connection"] = "close"


@variation.behaviour("header.cut_anywhere", "TCP may cut an answer anywhere.", HTTP)
class CutAnywhere(Behaviour):
    def bytes(self, data: bytes) -> Iterable[bytes]:
        return (data[start : start + 97] for start in range(0, len(data), 97)) if len(data) < 20_000 else (data,)


@variation.response("header.json_charset", "application/json may carry a charset.", HTTP)
def add_charset(request: Request, response: Response) -> None:
    if not response.streamed:
        response.headers["content-type"] = "application/json; charset=utf-8"


@variation.response("header.json_in_capitals", "Media types are case-insensitive.", HTTP)
def capitalise_media_type(request: Request, response: Response) -> None:
    if not response.streamed:
        response.headers["content-type"] = "Application/JSON;charset=UTF-8"


@variation.response("header.no_rate_limits", "No page lists the buckets of chat.", "rate-limits")
def drop_rate_limits(request: Request, response: Response) -> None:
    for name in [name for name in response.headers if name.startswith("x-ratelimit")]:
        del response.headers[name]


@variation.response("header.www_authenticate", "A 401 may carry WWW-Authenticate.", HTTP)
def challenge(request: Request, response: Response) -> None:
    if response.status == 401:
        response.headers["www-authenticate"] = 'Bearer realm="aurous"'


@variation.response("header.short_request_ids", "A request id is req_ and an opaque rest.", ERRORS)
def shorten_request_id(request: Request, response: Response) -> None:
    short = response.headers["aurous-request-id"][:16]
    response.headers["aurous-request-id"] = short
    if response.error:
        response.error["request_id"] = short


@variation.response("header.status_on_plain_answers", "Aurous-Idempotency-Status may stand on plain answers.", KEYS)
def add_status(request: Request, response: Response) -> None:
    if request.creates and request.key and not response.streamed:
        response.headers["aurous-idempotency-status"] = "accepted"


def _rewrite(response: Response, **options: Any) -> None:
    if not response.streamed and response.content.raw:
        response.content = Bytes(json.dumps(response.content.value, **options).encode())


@variation.response("json.indented", "White space in JSON is insignificant.", "RFC 8259")
def indent(request: Request, response: Response) -> None:
    _rewrite(response, indent=2)


@variation.response("json.escaped", "Any character may be escaped.", "RFC 8259")
def escape(request: Request, response: Response) -> None:
    _rewrite(response, ensure_ascii=True)


@variation.response("json.other_order", "Members of an object have no order.", "RFC 8259")
def sort_members(request: Request, response: Response) -> None:
    _rewrite(response, sort_keys=True)


@variation.behaviour("id.other_length", "An id is cmp_ and an opaque rest.", CONTRACT)
class LongerIds(Behaviour):
    _mark = "-eu1"

    def request(self, request: Request) -> Replacement:
        if request.path.startswith(f"{CREATE}/cmp_"):
            outer = request.completion_id
            # An id that was cut or altered must stay unknown.
            inner = outer.replace(self._mark, "", 1) if self._mark in outer else outer.replace("cmp_", "cmp_-", 1)
            request.path = request.path.replace(outer, inner, 1)
            # An id may be any text, and a header may not.
            request.headers["x-outer"], request.headers["x-inner"] = quote(outer), quote(inner)
        return None

    def response(self, request: Request, response: Response) -> None:
        if response.completion:
            response.body["id"] += self._mark
        elif response.error and (inner := request.headers.get("x-inner")):
            outer = unquote(request.headers["x-outer"])
            response.error["message"] = response.error["message"].replace(unquote(inner), outer)

    def frame(self, request: Request, frame: Frame) -> Frames:
        if "id" in frame.body:
            frame.body["id"] += self._mark
        return None


@variation.behaviour("enum.unknown_finish_reason", "Unknown values of enums are legal.", CONTRACT)
class UnknownFinishReason(Behaviour):
    def response(self, request: Request, response: Response) -> None:
        for choice in (response.completion or {}).get("choices", ()):
            self._rename(choice)

    def frame(self, request: Request, frame: Frame) -> Frames:
        self._rename(frame.choice)
        return None

    def _rename(self, choice: dict[str, Any]) -> None:
        if choice.get("finish_reason") == "stop":
            choice["finish_reason"] = "end_turn"


@variation.completion("body.logprobs_absent", "logprobs may be absent.", CREATE_PAGE)
def drop_null_logprobs(body: dict[str, Any]) -> None:
    for choice in body["choices"]:
        if choice.get("logprobs") is None:
            choice.pop("logprobs", None)


@variation.completion("body.error_null", "error may be null on a completed record.", CREATE_PAGE)
def nullify_error(body: dict[str, Any]) -> None:
    body.setdefault("error", None)


@variation.response("balance.no_billing_mode", "The balance on the home page lacks billing_mode.", BALANCE_PAGE)
def drop_billing_mode(request: Request, response: Response) -> None:
    if request.path == BALANCE:
        response.body.pop("billing_mode", None)


@variation.response("balance.other_billing_mode", "billing_mode is an open string.", BALANCE_PAGE)
def change_billing_mode(request: Request, response: Response) -> None:
    if "billing_mode" in response.body:
        response.body["billing_mode"] = "prepaid"


@variation.response("models.kind_inside", "kind is in aurous_metadata on one page.", MODELS_PAGE)
def move_kind(request: Request, response: Response) -> None:
    if request.path == MODELS and response.status == 200:
        for row in response.body["data"]:
            row["aurous_metadata"]["kind"] = row.pop("kind")


@variation.response("models.more", "Models may be added to the list.", MODELS_PAGE)
def add_model(request: Request, response: Response) -> None:
    if request.path == MODELS and response.status == 200:
        response.body["data"].append({**response.body["data"][-1], "id": "aurous-voice-0.1", "kind": "speech"})


@variation.error("error.param_absent", "param may be absent, null or a string.", ERRORS)
def drop_null_param(error: dict[str, Any]) -> None:
    if error.get("param") is None:
        error.pop("param", None)


@variation.error("error.doc_url_of_page", "doc_url is any absolute address.", ERRORS)
def link_to_page(error: dict[str, Any]) -> None:
    error["doc_url"] = f"https://docs.aurous-labs.com/api-reference/errors/{error['code']}"


@variation.error("error.longer_message", "message is for people.", ERRORS)
def explain(error: dict[str, Any]) -> None:
    error["message"] = f"Sorry! {error['message']}\nSee {error['doc_url']} \N{SPARKLES}"


@variation.response("error.422", "A validation failure is 400 or 422.", "guides/error-handling")
def answer_422(request: Request, response: Response) -> None:
    if response.error and response.error["code"] in ("invalid_format", "missing_field", "value_out_of_range"):
        response.status = 422


@variation.error("error.one_validation_code", CODES, ERRORS)
def use_one_code(error: dict[str, Any]) -> None:
    if error["code"] == "value_out_of_range":
        error["code"] = "invalid_format"


@variation.response("error.unknown_model_400", "The answer to an unknown model is not documented.", CREATE_PAGE)
def refuse_unknown_model(request: Request, response: Response) -> None:
    if request.creates and response.status == 404:
        response.become(refusal(400, "invalid_request", "invalid_format", "This model is not known.", "model"))


@variation.response("error.malformed_id_400", "The answer to a malformed id is not documented.", CREATE_PAGE)
def refuse_malformed_id(request: Request, response: Response) -> None:
    if request.retrieves and response.status == 404 and not request.completion_id.startswith("cmp_"):
        response.become(refusal(400, "invalid_request", "invalid_format", "An id begins with cmp_.", "id"))


@variation.request("key.at_most_64", "One page allows 64 characters, another 256.", KEYS)
def refuse_longer_keys(request: Request) -> Replacement:
    if request.creates and len(request.key or "") > 64:
        # Too long for the mock also, which then refuses it with all that its responses have.
        request.key = "k" * 300
    return None


@variation.behaviour("version.prior_dates", "Any prior date may be sent, one page says.", "changelog")
class PriorDates(Behaviour):
    def request(self, request: Request) -> Replacement:
        version = request.headers.get("aurous-version", "")
        if len(version) == 10 and version.replace("-", "").isdecimal() and "2000-01-01" < version < FIRST_VERSION:
            request.headers["x-requested-version"] = version
            request.headers["aurous-version"] = FIRST_VERSION
        return None

    def response(self, request: Request, response: Response) -> None:
        if version := request.headers.get("x-requested-version"):
            response.headers["aurous-version"] = version


@variation.behaviour("limits.enforced", "A server may limit requests, and says when to repeat them.", "rate-limits")
class LimitsEnforced(Behaviour):
    settings: ClassVar[Mapping[str, Any]] = {"requests_per_minute": 1800}


@variation.behaviour("pace.slow", "A model may answer slowly.", "api-reference/chat/streaming")
class Slow(Behaviour):
    settings: ClassVar[Mapping[str, Any]] = {"pace": Pace(first_token=0.02, tokens_per_second=2000.0)}


@variation.completion("tools.empty_content", "content beside calls is a string or null.", "api-reference/chat/tools")
def empty_content(body: dict[str, Any]) -> None:
    message = body["choices"][0]["message"]
    if message["content"] is None and body["status"] == "completed":
        message["content"] = ""


@variation.response("header.cache_control_on_two_lines", "Several headers of one name are one list.", HTTP)
def split_cache_control(request: Request, response: Response) -> None:
    if "cache-control" in response.headers:
        first, *others = response.headers["cache-control"].split(", ")
        response.headers["cache-control"] = first
        for directive in others:
            response.headers.append("cache-control", directive)


@variation.behaviour("json.trailing_newline", "White space after a JSON value is legal.", "RFC 8259")
class TrailingNewline(Behaviour):
    def response(self, request: Request, response: Response) -> None:
        if not response.streamed and response.content.raw:
            response.content = Bytes(response.content.raw + b"\n")


@variation.completion("body.created_with_a_fraction", "created is a number.", CREATE_PAGE)
def write_created_with_a_fraction(body: dict[str, Any]) -> None:
    body["created"] = float(body["created"])
