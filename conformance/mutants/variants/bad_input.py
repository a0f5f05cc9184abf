"""Faults under malformed and hostile input: crashes, hangs, and input that is accepted."""

import json

from mutants.messages import Request, Response, crash, refusal
from mutants.registry import ConnectionFault, Replacement, fault

PAGE = "errors"
JSON_PAGE = "api-reference/chat/create-a-chat-completion"
MALFORMED = "A body that is not JSON is a 4xx with the envelope."
ODD = "Unusual input is a 4xx with the envelope, never a 5xx and never a hang."


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _nesting(raw: bytes) -> int:
    deepest = level = 0
    for byte in raw:
        level += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, level)
    return deepest


@fault.request("hostile.malformed_json_crashes", MALFORMED, PAGE)
def crash_on_malformed(request: Request) -> Replacement:
    return crash() if request.creates and request.content.raw and not _is_json(request.content.raw) else None


@fault.request("hostile.empty_body_crashes", MALFORMED, PAGE)
def crash_on_empty_body(request: Request) -> Replacement:
    return crash() if request.creates and not request.content.raw else None


@fault.request("hostile.list_body_crashes", "A body that is not an object is a 4xx.", PAGE)
def crash_on_lists(request: Request) -> Replacement:
    return crash() if request.creates and isinstance(request.content.value, list | str | int) else None


@fault.request("hostile.content_type_ignored", "The body is sent as application/json.", JSON_PAGE)
def accept_any_content_type(request: Request) -> Replacement:
    if request.creates:
        request.headers["content-type"] = "application/json"
    return None


@fault.request("hostile.content_type_crashes", ODD, PAGE)
def crash_on_content_type(request: Request) -> Replacement:
    return crash() if request.creates and "json" not in request.headers.get("content-type", "") else None


@fault.request("hostile.depth_crashes", ODD, PAGE)
def crash_on_depth(request: Request) -> Replacement:
    return crash() if request.creates and _nesting(request.content.raw) > 500 else None


@fault.request("hostile.depth_hangs", ODD, PAGE)
def hang_on_depth(request: Request) -> Replacement:
    return ConnectionFault.HANG if request.creates and _nesting(request.content.raw) > 500 else None


@fault.request("hostile.nul_accepted", "NUL bytes are rejected.", PAGE)
def accept_nul(request: Request) -> Replacement:
    text = json.dumps(request.content.value)
    if request.creates and "\\u0000" in text:
        request.content.value = json.loads(text.replace("\\u0000", ""))
    return None


@fault.request("hostile.nul_crashes", ODD, PAGE)
def crash_on_nul(request: Request) -> Replacement:
    return crash() if request.creates and b"\\u0000" in request.content.raw else None


@fault.request("hostile.invalid_utf8_crashes", ODD, PAGE)
def crash_on_bad_utf8(request: Request) -> Replacement:
    try:
        request.content.raw.decode()
    except UnicodeDecodeError:
        return crash()
    return None


@fault.request("hostile.surrogates_crash", ODD, PAGE)
def crash_on_surrogates(request: Request) -> Replacement:
    return crash() if request.creates and b"\\ud8" in request.content.raw.lower() else None


@fault.request("hostile.large_body_crashes", ODD, PAGE)
def crash_on_size(request: Request) -> Replacement:
    return crash() if len(request.content.raw) > 8_000_000 else None


@fault.request("hostile.large_body_dropped", ODD, PAGE)
def drop_on_size(request: Request) -> Replacement:
    return ConnectionFault.DROP if len(request.content.raw) > 8_000_000 else None


@fault.request("hostile.large_number_crashes", ODD, PAGE)
def crash_on_large_numbers(request: Request) -> Replacement:
    limit = request.body.get("max_tokens")
    return crash() if request.creates and isinstance(limit, int) and limit > 2**31 else None


@fault.request("hostile.odd_id_crashes", ODD, PAGE)
def crash_on_odd_ids(request: Request) -> Replacement:
    odd = request.retrieves and not request.completion_id.removeprefix("cmp_").isalnum()
    return crash() if odd else None


@fault.request("hostile.long_id_crashes", ODD, PAGE)
def crash_on_long_ids(request: Request) -> Replacement:
    return crash() if request.retrieves and len(request.completion_id) > 255 else None


@fault.response("hostile.413_without_envelope", "Every error has the documented envelope.", PAGE)
def drop_envelope_of_413(request: Request, response: Response) -> None:
    if response.status == 413:
        response.content.value = {"message": "Payload Too Large"}


@fault.request("hostile.unknown_members_crash", "A request is a 2xx or a 4xx, never a 5xx.", PAGE)
def crash_on_unknown_members(request: Request) -> Replacement:
    known = {"user", "n", "logit_bias", "metadata", "parallel_tool_calls", "max_completion_tokens"}
    return crash() if request.creates and known & request.body.keys() else None


@fault.request("hostile.null_members_crash", ODD, PAGE)
def crash_on_null(request: Request) -> Replacement:
    return crash() if request.creates and None in request.body.values() else None


@fault.request("hostile.unicode_refused", "content is any text.", JSON_PAGE)
def refuse_unicode(request: Request) -> Replacement:
    text = json.dumps(request.body.get("messages"), ensure_ascii=False)
    if request.creates and any(ord(each) >= 0x10000 for each in text):
        return refusal(400, "invalid_request", "invalid_format", "Only the basic plane is supported.", "messages")
    return None
