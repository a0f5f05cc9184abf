"""Checks of the body of a chat request, each with a name by which a fault can disable it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from .catalogue import Model
from .errors import ApiError

Body = dict[str, Any]
Check = Callable[[Body, dict[str, Model]], None]

CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check. Checks run in the order of their registration, after those of the body's presence."""

    def register(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return register


class Validator:
    """Runs every check, except those that an exemption switches off for a body."""

    def __init__(self, models: dict[str, Model]) -> None:
        self.models = models
        self.checks = dict(CHECKS)
        self._exemptions: list[tuple[str, Callable[[Body], bool]]] = []

    def exempt(self, name: str, when: Callable[[Body], bool] = lambda body: True) -> None:
        """Switch a check off for the bodies that `when` accepts."""
        if name not in self.checks:
            raise LookupError(f"no check is called {name!r}")
        self._exemptions.append((name, when))

    def validate(self, body: Any) -> None:
        """Raise ApiError for the first check that the body does not pass."""
        if not isinstance(body, dict):
            raise ApiError("invalid_format", "The body must be a JSON object.")
        for name, run in self.checks.items():
            if not any(exempt == name and when(body) for exempt, when in self._exemptions):
                run(body, self.models)


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return is_number(value) and value == int(value)


def wrong_type(param: str, expected: str) -> ApiError:
    return ApiError("invalid_format", f"{param} must be {expected}.", param=param)


def missing(param: str) -> ApiError:
    return ApiError("missing_field", f"{param} is required.", param=param)


def out_of_range(param: str, bounds: str) -> ApiError:
    return ApiError("value_out_of_range", f"{param} must be {bounds}.", param=param)


@check("model_present")
def _model_present(body: Body, models: dict[str, Model]) -> None:
    if "model" not in body:
        raise missing("model")
    if not isinstance(body["model"], str):
        raise wrong_type("model", "a string")


@check("model_length")
def _model_length(body: Body, models: dict[str, Model]) -> None:
    if len(body["model"]) > 128:
        raise out_of_range("model", "at most 128 characters long")


@check("model_known")
def _model_known(body: Body, models: dict[str, Model]) -> None:
    if body["model"] not in models:
        raise ApiError("resource_not_found", f"There is no model {body['model']!r}.", param="model")


@check("model_kind")
def _model_kind(body: Body, models: dict[str, Model]) -> None:
    model = models.get(body["model"])
    if model is not None and model.kind != "chat":
        raise ApiError("model_wrong_kind", f"{model.id} is not a chat model.", param="model")


@check("stream_type")
def _stream_type(body: Body, models: dict[str, Model]) -> None:
    if not isinstance(body.get("stream", False), bool):
        raise wrong_type("stream", "true or false")


@check("stream_options")
def _stream_options(body: Body, models: dict[str, Model]) -> None:
    options = body.get("stream_options", {})
    if not isinstance(options, dict):
        raise wrong_type("stream_options", "an object")
    if not isinstance(options.get("include_usage", True), bool):
        raise wrong_type("stream_options.include_usage", "true or false")


def _register_number(name: str, least: float | None, most: float | None, *, whole: bool) -> None:
    @check(f"{name}_type")
    def _type(body: Body, models: dict[str, Model]) -> None:
        if name in body and not (is_whole(body[name]) if whole else is_number(body[name])):
            raise wrong_type(name, "a whole number" if whole else "a number")

    if least is None and most is None:
        return

    @check(f"{name}_range")
    def _range(body: Body, models: dict[str, Model]) -> None:
        value = body.get(name)
        if not is_number(value):
            return
        if least is not None and value < least:
            raise out_of_range(name, f"at least {least}")
        if most is not None and value > most:
            raise out_of_range(name, f"at most {most}")


_register_number("max_tokens", 1, None, whole=True)


@check("max_tokens_cap")
def _max_tokens_cap(body: Body, models: dict[str, Model]) -> None:
    model = models.get(body["model"])
    asked = body.get("max_tokens")
    if model is not None and model.kind == "chat" and is_number(asked) and asked > model.max_tokens_cap:
        raise ApiError(
            "max_tokens_exceeds_hard_cap",
            f"max_tokens {asked} exceeds the hard cap of {model.max_tokens_cap} of {model.id}.",
            param="max_tokens",
        )


_register_number("temperature", 0, 2, whole=False)
_register_number("top_p", 0, 1, whole=False)
_register_number("presence_penalty", -2, 2, whole=False)
_register_number("frequency_penalty", -2, 2, whole=False)
_register_number("seed", None, None, whole=True)
_register_number("top_logprobs", 0, 20, whole=True)


@check("logprobs_type")
def _logprobs_type(body: Body, models: dict[str, Model]) -> None:
    if not isinstance(body.get("logprobs", False), bool):
        raise wrong_type("logprobs", "true or false")


@check("stop_type")
def _stop_type(body: Body, models: dict[str, Model]) -> None:
    stop = body.get("stop", [])
    if isinstance(stop, str):
        return
    if not isinstance(stop, list) or not all(isinstance(sequence, str) for sequence in stop):
        raise wrong_type("stop", "a string or an array of strings")


@check("stop_count")
def _stop_count(body: Body, models: dict[str, Model]) -> None:
    stop = body.get("stop")
    if isinstance(stop, list) and len(stop) > 4:
        raise out_of_range("stop", "at most 4 sequences")


@check("stop_length")
def _stop_length(body: Body, models: dict[str, Model]) -> None:
    stop = body.get("stop", [])
    sequences = [stop] if isinstance(stop, str) else stop
    if any(len(sequence) > 200 for sequence in sequences):
        raise out_of_range("stop", "made of sequences of at most 200 characters")


@check("reasoning_effort")
def _reasoning_effort(body: Body, models: dict[str, Model]) -> None:
    if body.get("reasoning_effort", "medium") not in ("minimal", "low", "medium", "high"):
        raise ApiError(
            "invalid_format", "reasoning_effort must be minimal, low, medium or high.", param="reasoning_effort"
        )


@check("vision_quality")
def _vision_quality(body: Body, models: dict[str, Model]) -> None:
    if not isinstance(body.get("vision_quality", "high"), str):
        raise wrong_type("vision_quality", "a string")
