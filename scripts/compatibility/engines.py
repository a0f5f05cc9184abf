"""The engines that are put behind the gateway: what to install, and how each is started."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testkit.sockets import free_port

from compatibility.environments import DRIVERS


@dataclass(frozen=True, slots=True)
class Service:
    """A process of an engine. health: a path that answers once it can be used"""

    command: tuple[str, ...]
    port: int
    health: str


@dataclass(frozen=True, slots=True)
class Launch:
    """How an engine is started.

    services: in this order, the last of which the gateway asks
    model:    its name there
    key:      what the gateway has to show
    """

    services: tuple[Service, ...]
    model: str
    preparation: tuple[str, ...] = ()
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine.

    package:      the distribution whose version is recorded
    requirements: what is installed for it
    launch:       makes the commands, from the folder of its programs and a folder for its files
    setting:      what was tested, in a few words
    """

    name: str
    package: str
    requirements: tuple[str, ...]
    launch: Callable[[Path, Path], Launch]
    setting: str


def _llmock_service(programs: Path) -> Service:
    port = free_port()
    options = ("--response-style", "varied", "--context-window", "1000", "--stream-chunk-delay-ms", "20")
    command = (str(programs / "llmock"), "serve", "--host", "127.0.0.1", "--port", str(port), *options)
    return Service(command, port, "/v1/models")


def _llmock(programs: Path, _folder: Path) -> Launch:
    return Launch((_llmock_service(programs),), "gpt-4o-mini")


def _litellm(programs: Path, folder: Path) -> Launch:
    behind, port = _llmock_service(programs), free_port()
    parameters = {
        "model": "openai/gpt-4o-mini",
        "api_base": f"http://127.0.0.1:{behind.port}/v1",
        "api_key": "sk-nothing",
    }
    # JSON is YAML, too.
    settings = folder / "litellm.yaml"
    key = f"sk-{secrets.token_hex(24)}"
    document = {
        "model_list": [{"model_name": "small", "litellm_params": parameters}],
        "general_settings": {"master_key": key},
    }
    settings.write_text(json.dumps(document), "utf-8")
    command = (str(programs / "litellm"), "--config", str(settings), "--host", "127.0.0.1", "--port", str(port))
    return Launch((behind, Service(command, port, "/health/liveliness")), "small", key=key)


def _transformers(programs: Path, folder: Path) -> Launch:
    model, port = str(folder / "tiny"), free_port()
    options = ("--host", "127.0.0.1", "--port", str(port), "--device", "cpu")
    command = (str(programs / "transformers"), "serve", *options, model)
    preparation = (str(programs / "python"), str(DRIVERS / "tiny_model.py"), model)
    return Launch((Service(command, port, "/health"),), model, preparation)


_ALL = (
    Engine("llmock", "llmock", ("llmock",), _llmock, "alone"),
    Engine("LiteLLM's proxy", "litellm", ("litellm[proxy]", "llmock"), _litellm, "before llmock"),
    Engine(
        "transformers serve",
        "transformers",
        # The version whose build for the CPU is small; results are of the engine, and depend little on it.
        ("torch==2.13.0", "transformers[serving]"),
        _transformers,
        "a random Llama of two layers",
    ),
)
ENGINES = {engine.name: engine for engine in _ALL}


def select(names: Sequence[str]) -> list[Engine]:
    """The engines of these names, in any case; all without any. Raises LookupError for a name that is unknown."""
    by_name = {name.lower(): engine for name, engine in ENGINES.items()}
    unknown = [name for name in names if name.lower() not in by_name]
    if unknown:
        raise LookupError(f"no engine is called {unknown[0]!r}; --list names them")
    return [by_name[name.lower()] for name in names] or [*ENGINES.values()]
