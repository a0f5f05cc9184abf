"""Optional packages: the versions that are needed, the fallback without them, and what frozen applications include."""

from __future__ import annotations

import asyncio
import importlib.metadata
import subprocess
import sys
import tomllib
from modulefinder import ModuleFinder
from pathlib import Path

import aurous
import aurous_client
import msgspec
import pytest
from aurous import _json, _optional
from aurous._optional import AIOHTTP, MSGSPEC, OPENTELEMETRY, PYARROW, PYDANTIC, RAY, RICH, OptionalPackage
from aurous.tools.json_schema import MissingLibraryError, schema_for
from packaging.requirements import Requirement
from packaging.version import Version
from testkit.raw_server import RawServer
from testkit.responses import GOOD, KEY, MESSAGES, MODEL

ROOT = Path(__file__).parents[3]


def install(monkeypatch: pytest.MonkeyPatch, package: OptionalPackage, version: str) -> None:
    """Let a package be installed in another version."""
    real = importlib.metadata.version
    versions = {package.distribution: version}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions.get(name) or real(name))
    module = sys.modules.get(package.module)
    if hasattr(module, "__version__"):
        monkeypatch.setattr(module, "__version__", version)


@pytest.mark.parametrize(
    ("package", "extra"),
    [
        *((AIOHTTP, "aiohttp"), (MSGSPEC, "tools"), (OPENTELEMETRY, "otel"), (PYARROW, "parquet")),
        *((RAY, "ray"), (RICH, "cli")),
    ],
)
def test_versions_are_those_of_the_extra(package: OptionalPackage, extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = {each.name: each for each in map(Requirement, project["optional-dependencies"][extra])}
    bounds = {each.operator: Version(each.version).release for each in requirements[package.distribution].specifier}
    assert bounds == {">=": package.minimum} | ({"<": package.below} if package.below else {})
    assert package.requirement == f"aurous-labs[{extra}]"


@pytest.mark.parametrize(
    ("version", "is_usable"),
    [
        ("3.9.5", False),
        ("3.10.11", False),
        ("3.11", True),
        ("3.11.0", True),
        ("3.12.7rc1", True),
        ("3.12.7+local.9", True),
        ("4.0.0", False),
        ("5.0", False),
    ],
)
def test_version_outside_the_bounds_is_a_problem(
    version: str, is_usable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, AIOHTTP, version)
    problem = AIOHTTP.problem()
    assert (problem is None) is is_usable
    assert is_usable or problem == (
        f"aiohttp {version} is installed, 3.11 or later, below 4 is needed: "
        'pip install --upgrade "aurous-labs[aiohttp]"'
    )


def test_package_without_metadata_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert AIOHTTP.problem() is None


@pytest.mark.parametrize("module", ["not_installed", "not_installed.part"])
def test_missing_package_is_a_problem(module: str) -> None:
    package = _optional.OptionalPackage("not-installed", module, (1,), None, "aurous-labs[some]")
    assert package.problem() == 'not-installed is not installed: pip install "aurous-labs[some]"'


def test_backend_auto_takes_httpx_where_aiohttp_is_too_old(monkeypatch: pytest.MonkeyPatch, wire: RawServer) -> None:
    install(monkeypatch, AIOHTTP, "3.9.5")
    # Importing it fails.
    monkeypatch.setitem(sys.modules, "aurous.transport.aiohttp_client", None)
    wire.plays(GOOD)

    async def call() -> None:
        async with aurous.AsyncAurous(KEY, base_url=wire.url) as client:
            completion = await client.chat.completions.create(model=MODEL, messages=MESSAGES)
            assert completion.status == "completed"

    asyncio.run(call())


def test_backend_aiohttp_names_the_version_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, AIOHTTP, "3.9.5")
    with pytest.raises(aurous.ConfigurationError, match=r"aiohttp 3\.9\.5 is installed, 3\.11 or later"):
        aurous.AsyncAurous(KEY, backend="aiohttp")


def test_json_is_decoded_without_msgspec_where_it_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _json.fastest_decoder() != _json.decode_with_json
    install(monkeypatch, MSGSPEC, "0.20.0")
    assert _json.fastest_decoder() == _json.decode_with_json


@pytest.mark.parametrize(("package", "version"), [(MSGSPEC, "0.20.0"), (PYDANTIC, "1.10.26")])
def test_schema_of_a_class_names_the_version_that_it_needs(
    package: OptionalPackage, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pydantic

    kinds = {"msgspec": msgspec.defstruct("Answer", ["text"]), "pydantic": pydantic.create_model("Answer")}
    install(monkeypatch, package, version)
    with pytest.raises(MissingLibraryError, match=f"{package.distribution} {version} is installed, .* is needed"):
        schema_for(kinds[package.distribution])


def test_telemetry_without_its_extra_names_it() -> None:
    program = "import sys; sys.modules['opentelemetry'] = None\nimport aurous.telemetry"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1] == (
        "ImportError: aurous.telemetry needs an extra: opentelemetry-api is not installed: "
        'pip install "aurous-labs[otel]"'
    )


@pytest.mark.slow
def test_lazily_loaded_modules_are_visible_to_tools_that_freeze_applications(tmp_path: Path) -> None:
    """Such tools follow import statements, as this finder of the standard library does."""
    program = tmp_path / "program.py"
    program.write_text("import aurous\n")
    libraries = {
        "attrs",
        "attr",
        "aiohttp",
        "httpx",
        "httpcore",
        "yarl",
        "msgspec",
        "pydantic",
        "rich",
        "opentelemetry",
    }
    finder = ModuleFinder(
        excludes=sorted(libraries | {"opentelemetry", "asyncio", "pytest", "anyio", "trio", "email", "urllib"})
    )
    finder.run_script(str(program))
    folder = Path(aurous_client.__file__).parent / "models"
    models = {f"aurous_client.models.{file.stem}" for file in folder.glob("*.py") if file.stem != "__init__"}
    homes = {getattr(getattr(aurous, name), "__module__", "aurous") for name in aurous.__all__}
    assert models | homes <= finder.modules.keys()
    assert {"aurous.transport.aiohttp_client", "aurous.transport.async_body"} <= finder.modules.keys()
    # Those that a program gets by importing this package; not found, since they were excluded above.
    assert {"httpx", "httpcore", "aiohttp", "msgspec", "pydantic"} <= {
        name.partition(".")[0] for name in finder.badmodules
    }
