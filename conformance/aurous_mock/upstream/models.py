"""Reads the upstream server's list of models at the start, and makes the catalogue of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import httpx

from aurous_mock import request_log
from aurous_mock.contract.model_catalogue import FULL, GROW, Model, ModelMapping, Rates
from aurous_mock.errors import SettingsError
from aurous_mock.settings import Settings
from aurous_mock.upstream.client import needs_certificates
from aurous_mock.upstream.redaction import Redaction
from aurous_mock.upstream.values import UnexpectedResponse, as_count, as_list, as_object, parse

_SECONDS: Final = 10.0
_MOST_BYTES: Final = 4 * 1024 * 1024
_CONTEXT: Final = 256_000
_DEFAULT_OUTPUT, _MOST_OUTPUT = 4096, 32_768
# What servers call the context of a model: vLLM, OpenRouter, Groq, LM Studio, LiteLLM.
_CONTEXT_NAMES: Final = ("max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens")
_OUTPUT_NAMES: Final = ("max_output_tokens_hard_cap", "max_output_tokens", "max_completion_tokens")

# What models that cannot chat are called.
_OTHER_KINDS: Final = ("embedding", "image", "audio", "rerank", "moderation", "video")

_USER_INFO: Final = re.compile(r"//[^/\s@]+@")

Rows = Mapping[str, Mapping[str, Any]]


def with_models(settings: Settings) -> Settings:
    """The settings with the models to offer. Raises SettingsError if the upstream server cannot be used."""
    if settings.upstream is None:
        return settings
    try:
        rows: Rows | None = _ask(settings.upstream, settings.upstream_key)
    except _NoListError as error:
        if not settings.model_mappings and settings.upstream_model is None:
            advice = "check --upstream, or name the models to offer: --model NAME=UPSTREAM"
            raise SettingsError(f"{error}; {advice}") from error
        request_log.warn(str(error))
        rows = None
    mappings = settings.model_mappings
    if not mappings and settings.upstream_model is not None:
        mappings = tuple(ModelMapping(model.id, settings.upstream_model) for model in (GROW, FULL))
    if mappings:
        _warn_of_unknown(mappings, rows)
        models = [_mapped(mapping, (rows or {}).get(mapping.upstream, {})) for mapping in mappings]
    else:
        models = [_mapped(ModelMapping(name, name), row) for name, row in (rows or {}).items() if _can_chat(row)]
    if not models:
        raise SettingsError(f"{_shown(settings.upstream)} has no models; name one to ask it for: --model NAME=UPSTREAM")
    return replace(settings, models=tuple(models))


class _NoListError(Exception):
    """The server is there, and has no list of models."""


def _shown(url: str) -> str:
    """A URL without the user name and password in it."""
    return _USER_INFO.sub("//", url)


def _ask(url: str, key: str | None) -> Rows:
    shown = _shown(url)
    with _open_client(url, key) as client:
        status, raw = _get(client, f"{url}/models")
        if status in (401, 403):
            raise SettingsError(f"{shown}/models answered {status}: check --upstream-key")
        if 300 <= status < 400:
            raise SettingsError(f"{shown}/models redirects, which is not followed: give --upstream the final address")
        if status in (404, 405) and not url.endswith("/v1") and _get(client, f"{url}/v1/models")[0] == 200:
            raise SettingsError(f"{shown}/models answered {status}: did you mean --upstream {shown}/v1?")
        if status != 200:
            raise _NoListError(f"{shown}/models answered {status}")
    try:
        rows = [as_object(row, "a model") for row in as_list(as_object(parse(raw), "the list").get("data"), "data")]
    except UnexpectedResponse as error:
        raise SettingsError(f"{shown} is not an OpenAI-compatible server: {shown}/models sent {error}") from error
    return {row["id"]: row for row in rows if isinstance(row.get("id"), str) and row["id"]}


def _open_client(url: str, key: str | None) -> httpx.Client:
    if key and not (key.isascii() and key.isprintable()):
        raise SettingsError("--upstream-key: a key is printable ASCII")
    headers = {"Authorization": f"Bearer {key}"} if key else None
    try:
        return httpx.Client(headers=headers, timeout=_SECONDS, verify=needs_certificates(url))
    except (ValueError, httpx.InvalidURL, ImportError, OSError) as error:
        reason = _shown(str(error))
        raise SettingsError(
            "no client can be made with the proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY) and certificates "
            f"(SSL_CERT_FILE, SSL_CERT_DIR) of the environment: {reason}"
        ) from error


def _get(client: httpx.Client, url: str) -> tuple[int, bytes]:
    try:
        with client.stream("GET", url) as response:
            raw = b""
            for block in response.iter_bytes():
                raw += block
                if len(raw) > _MOST_BYTES:
                    raise SettingsError(f"{_shown(url)} sent more than a list of models can have")
            return response.status_code, raw
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # UnicodeError: a host whose name cannot be looked up, as one with an empty label.
        reason = Redaction({}, client.headers.get("authorization")).without_keys(str(error)) or type(error).__name__
        raise SettingsError(f"cannot reach the upstream server at {_shown(url)}: {reason}; check --upstream") from error


def _warn_of_unknown(mappings: Sequence[ModelMapping], rows: Rows | None) -> None:
    unknown = sorted({mapping.upstream for mapping in mappings if rows is not None and mapping.upstream not in rows})
    if unknown:
        known = ", ".join(list(rows or {})[:20])
        request_log.warn(f"the upstream server does not list {', '.join(unknown)}; it lists {known or 'no model'}")


def _can_chat(row: Mapping[str, Any]) -> bool:
    """Whether a model is one for completions, according to its row."""
    kinds = [row[name] for name in ("kind", "type", "mode") if isinstance(row.get(name), str)]
    return not any(kind.startswith(_OTHER_KINDS) for kind in kinds)


def _mapped(mapping: ModelMapping, row: Mapping[str, Any]) -> Model:
    """A model as this server offers it, from what its row says; the rest is as of the documented model."""
    metadata = row.get("aurous_metadata")
    known = {**row, **metadata} if isinstance(metadata, Mapping) else row
    context = _first_count(known, _CONTEXT_NAMES) or _CONTEXT
    most = _first_count(known, _OUTPUT_NAMES) or min(context, _MOST_OUTPUT)
    default = as_count(known.get("default_max_output_tokens")) or _DEFAULT_OUTPUT
    capabilities = known.get("capabilities")
    is_list = isinstance(capabilities, list) and all(isinstance(name, str) for name in capabilities)
    return Model(
        id=mapping.name,
        kind="chat",
        context_window=context,
        # A server that does not say refuses what its model lacks.
        capabilities=tuple(sorted(capabilities)) if is_list and capabilities else FULL.capabilities,
        default_max_output_tokens=min(default, most),
        max_output_tokens_hard_cap=most,
        rates=mapping.rates or _rates(row.get("chat_pricing")) or GROW.rates,
        upstream=mapping.upstream,
    )


def _first_count(row: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((count for count in (as_count(row.get(name)) for name in names) if count), None)


def _rates(pricing: Any) -> Rates | None:
    rates = [pricing.get(name) for name in ("input", "output")] if isinstance(pricing, Mapping) else []
    counts = [as_count(rate.get("credits_per_M")) for rate in rates if isinstance(rate, Mapping)]
    known = [count for count in counts if count is not None]
    return Rates(input=known[0], output=known[1]) if len(known) == 2 else None
