"""What the package offers by name, and what importing it costs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import aurous
import pytest
from aurous import errors

ROOT = Path(aurous.__file__).parent
# Whoever imports aurous has asked for none of these. Some are extras, some come with a server or an event loop.
HEAVY = {
    *("aiohttp", "anyio", "asyncio", "msgspec", "opentelemetry", "orjson", "pydantic", "pytest", "requests", "rich"),
    *("sqlalchemy", "starlette", "trio", "uvicorn", "uvloop", "yaml", "aurous_mock"),
}


def loaded_by(statement: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after a statement."""
    script = (
        f"import json, sys\n{statement}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(json.loads(output))


def test_importing_loads_nothing_heavy_besides_httpx() -> None:
    # httpx loads its own command line, and rich with it, where they are installed.
    assert (loaded_by("import aurous") - loaded_by("import httpx")) & HEAVY == set()


def test_a_synchronous_client_loads_no_event_loop_of_its_own() -> None:
    with_client = loaded_by("import aurous; aurous.Aurous('al_live_key')")
    assert (with_client - loaded_by("import httpx")) & HEAVY == set()


def test_one_module_knows_httpx() -> None:
    knowing = {
        path.name
        for path in ROOT.glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("import httpx", "from httpx"))
    }
    assert knowing == {"transport.py"}


def test_every_name_that_is_offered_is_there() -> None:
    assert sorted(aurous.__all__) == sorted(set(aurous.__all__))
    for name in aurous.__all__:
        assert hasattr(aurous, name)


def test_nothing_else_is_public() -> None:
    modules = {name for name, value in vars(aurous).items() if inspect.ismodule(value)}
    # What the module itself needs to say what is loaded later.
    public = {name for name in vars(aurous) if not name.startswith("_")} - {"Any", "TYPE_CHECKING"}
    assert public - modules - set(aurous.__all__) == set()


def test_every_error_is_offered() -> None:
    made_here = {
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.AurousError)
    }
    assert made_here <= set(aurous.__all__)


@pytest.mark.parametrize("name", aurous.__all__)
def test_every_name_says_what_it_is(name: str) -> None:
    thing = getattr(aurous, name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert thing.__doc__


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.name)
def test_every_module_says_what_it_owns(path: Path) -> None:
    assert path.read_text().startswith('"""')


def test_types_are_told() -> None:
    assert (ROOT / "py.typed").exists()
