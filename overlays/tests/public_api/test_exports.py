"""What the package offers by name, and what importing it costs."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import aurous
import aurous_client.models
import pytest
from aurous import errors

ROOT = Path(aurous.__file__).parent
# Whoever imports aurous has asked for none of these. Some are extras, some come with a server or an event loop.
HEAVY = {
    *("aiohttp", "anyio", "asyncio", "msgspec", "opentelemetry", "orjson", "pydantic", "pytest", "requests", "rich"),
    *("sqlalchemy", "starlette", "trio", "uvicorn", "uvloop", "yaml", "aurous_mock"),
}


MAKING = "import aurous; aurous.Aurous('al_live_key')"
# What making a client may load besides httpx. All programs pay for it before they do anything: what belongs to calls,
# streams, receipts or tools is imported where the first of them begins.
OURS = {
    # Where an operation takes files.
    "aurous_client.files",
    *(
        "aurous",
        "aurous._version",
        "aurous._client",
        "aurous._config",
        "aurous._config.environment",
        "aurous._config.secret",
        "aurous._client.raw_request",
        "aurous._request",
        "aurous._request.retry_quota",
        "aurous._client.calls",
        "aurous._client.client",
        "aurous._config.rerouting",
        "aurous._error_body",
        "aurous.errors",
        "aurous.models",
        "aurous.transport.locks",
    ),
    *(
        "aurous._config.options",
        "aurous._config.policies",
        "aurous.transport.body_decoding",
        "aurous.transport.convert",
        "aurous.transport.effects",
        "aurous.transport.interfaces",
        "aurous.transport.tracebacks",
    ),
    *("aurous.transport", "aurous.transport.client_factory", "aurous.transport.keepalive", "aurous.transport.sync"),
    "aurous._optional",
    *("aurous_client", "aurous_client.api", "aurous_client.encoding", "aurous_client.errors", "aurous_client.lazy"),
    *("aurous_client.models", "aurous_client.resources", "aurous_client.types"),
}
PYTHONS = {"dataclasses"}


@cache
def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a statement."""
    script = f"import json, sys\n{statement}\nprint(json.dumps(list(sys.modules)))"
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(json.loads(output))


def loaded_by(statement: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after a statement."""
    return {name.partition(".")[0] for name in modules_after(statement)}


def test_making_a_client_loads_what_it_needs_and_no_more() -> None:
    # Without its command line, which loads much that we must not, and is not there for most.
    bare = "import sys; sys.modules['click'] = None; import httpx"
    assert modules_after(f"{bare}; {MAKING}") - modules_after(bare) <= OURS | PYTHONS
    assert not {"httpx", "aurous._client.client"} & modules_after("import aurous")


def test_connections_and_certificates_wait_for_the_first_call() -> None:
    # Reading certificates takes half as long again as importing httpx.
    refusing = (
        "import ssl, httpx\n"
        "def refuse(*_, **__): raise AssertionError\n"
        "ssl.create_default_context = httpx.Client.__init__ = httpx.AsyncClient.__init__ = refuse\n"
    )
    modules_after(f"{refusing}import aurous; aurous.Aurous('al_live_key'); aurous.AsyncAurous('al_live_key')")


@pytest.mark.slow
def test_lazy_names_are_listed_and_importable() -> None:
    assert set(aurous.__all__) <= set(dir(aurous))
    modules_after("from aurous import *; import aurous; assert set(aurous.__all__) <= set(globals())")
    modules_after("import pydoc, aurous; assert 'ChatStream' in pydoc.render_doc(aurous)")
    with pytest.raises(AttributeError, match="module 'aurous' has no attribute 'Typo'"):
        _ = aurous.Typo  # type: ignore[attr-defined]


def test_lazy_names_load_safely_from_many_threads() -> None:
    asking = (
        "import aurous, sys, threading\n"
        "sys.setswitchinterval(1e-6)\n"
        "gate, found = threading.Barrier(16), []\n"
        "def ask(turn):\n"
        "    gate.wait()\n"
        "    names = aurous.__all__[turn * 4:] + aurous.__all__[:turn * 4]\n"
        "    found.append([getattr(aurous, name) for name in names])\n"
        "threads = [threading.Thread(target=ask, args=(turn,)) for turn in range(16)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "assert len(found) == 16 and all(set(map(id, each)) == set(map(id, found[0])) for each in found)\n"
    )
    modules_after(asking)


def test_importing_loads_nothing_heavy_besides_httpx() -> None:
    # httpx loads its own command line, and rich with it, where they are installed.
    assert (loaded_by("import aurous") - loaded_by("import httpx")) & HEAVY == set()


def test_synchronous_client_loads_no_event_loop_of_its_own() -> None:
    with_client = loaded_by(MAKING)
    assert (with_client - loaded_by("import httpx")) & HEAVY == set()


def test_type_checkers_are_given_the_names_that_are_loaded_lazily() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text())
    (branch,) = (node for node in tree.body if isinstance(node, ast.If))
    checked = {
        alias.name: node.module for node in branch.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert checked == vars(aurous)["_MODULES"]


def test_models_can_be_imported_from_their_module() -> None:
    from aurous.models import ChatMessage, UserMessage

    assert UserMessage is aurous.models.UserMessage is aurous_client.models.UserMessage
    assert ChatMessage is aurous_client.models.ChatMessage
    assert set(aurous_client.models.__all__) <= set(dir(aurous.models))
    with pytest.raises(ImportError, match=r"cannot import name 'Typo' from 'aurous\.models'"):
        from aurous.models import Typo  # type: ignore[attr-defined]  # noqa: F401


def test_importing_one_model_loads_no_others() -> None:
    loaded = modules_after("from aurous.models import UserMessage")
    assert "aurous_client.models.user_message" in loaded
    assert "aurous_client.models.chat_completion" not in loaded


def test_every_exported_name_exists() -> None:
    assert sorted(aurous.__all__) == sorted(set(aurous.__all__))
    for name in aurous.__all__:
        assert hasattr(aurous, name)


def test_only_exported_names_are_public() -> None:
    modules = {name for name, value in vars(aurous).items() if inspect.ismodule(value)}
    # What the module itself needs to say what is loaded later.
    public = {name for name in vars(aurous) if not name.startswith("_")} - {"Any", "TYPE_CHECKING"}
    assert public - modules - set(aurous.__all__) == set()


def test_every_error_class_is_exported() -> None:
    made_here = {
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.AurousError)
    }
    assert made_here <= set(aurous.__all__)


@pytest.mark.parametrize("name", aurous.__all__)
def test_every_exported_name_has_a_docstring(name: str) -> None:
    thing = getattr(aurous, name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert thing.__doc__


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.name)
def test_every_module_has_a_docstring(path: Path) -> None:
    assert path.read_text().startswith('"""')


def test_type_information_is_shipped() -> None:
    assert (ROOT / "py.typed").exists()
