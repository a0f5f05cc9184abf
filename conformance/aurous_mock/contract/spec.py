"""Reads openapi.yaml and its released versions into contracts: operations, error codes and the request schema."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from aurous_mock.contract import versioning
from aurous_mock.http.errors import UNDOCUMENTED, Code, type_for

REQUEST_SCHEMA = "#/components/schemas/ChatCompletionRequest"
# Released versions. Each bump adds a file; none is ever edited.
RELEASED = Path(__file__).resolve().parents[1] / "specs"


class ContractError(Exception):
    """A spec file is missing, or is not one of this API."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One dated version of the API."""

    version: str
    request: jsonschema_rs.Draft202012Validator
    codes: Mapping[str, Code]
    operations: tuple[versioning.Operation, ...] = ()

    def operation(self, method: str, path: str) -> versioning.Operation | None:
        """The operation that serves a request; None if this version has none."""
        return next((operation for operation in self.operations if operation.serves(method, path)), None)

    def methods(self, path: str) -> list[str]:
        """The HTTP methods that this version has at a path."""
        return [operation.method for operation in self.operations if operation.serves(operation.method, path)]

    def code(self, name: str, status: int | None = None) -> Code:
        """The documented code; for an undocumented one, a code with `status` (by default 500) and a type that fits."""
        known = self.codes.get(name)
        if known is None:
            status = status or 500
            return Code(name, status, type_for(status))
        return known if status is None else Code(known.name, status, known.type)


@dataclass(frozen=True, slots=True)
class Contracts:
    """All served versions, and the one that applies where a request names none."""

    by_version: Mapping[str, Contract]
    current: Contract

    def is_known(self, method: str, path: str) -> bool:
        """Whether any version has this operation."""
        return any(contract.operation(method, path) for contract in self.by_version.values())


def default_spec() -> Path:
    """The spec inside an installed package, or at the root of a checkout."""
    here = Path(__file__).resolve().parents[1]
    for candidate in (here / "openapi.yaml", here.parents[1] / "openapi.yaml"):
        if candidate.is_file():
            return candidate
    raise ContractError("openapi.yaml is neither in the package nor at the root of the checkout; name one with --spec")


def load(paths: Iterable[Path] = ()) -> Contracts:
    """Read the given specs; by default the shipped and the released ones. The newest is the current one."""
    documents = _documents(paths)
    contracts = {
        version: _contract(path, document, [other for _, other in documents.values() if other is not document])
        for version, (path, document) in documents.items()
    }
    return Contracts(by_version=contracts, current=contracts[max(contracts)])


def _documents(paths: Iterable[Path]) -> dict[str, tuple[Path, Any]]:
    chosen = [*paths]
    documents = [(path, _read(path)) for path in chosen or [default_spec()]]
    by_version = {_version(path, document): (path, document) for path, document in documents}
    if not chosen:
        for path in sorted(RELEASED.glob("*.yaml")):
            # The default spec replaces the released one of the same version.
            if path.stem not in by_version:
                by_version[path.stem] = (path, _read(path))
    return by_version


def _read(path: Path) -> Any:
    # libyaml is about ten times as fast, and reading the spec is most of the start.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader either way
    except OSError as error:
        raise ContractError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise _unusable(path, error) from error


def _version(path: Path, document: Any) -> str:
    try:
        return str(document["info"]["version"])
    except (KeyError, TypeError) as error:
        raise _unusable(path, error) from error


def _contract(path: Path, document: Any, others: list[Any]) -> Contract:
    try:
        return Contract(
            version=_version(path, document),
            request=jsonschema_rs.Draft202012Validator({"$ref": REQUEST_SCHEMA, "components": document["components"]}),
            codes=_codes(document["components"]["x-error-codes"]),
            operations=versioning.read(document, others),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> ContractError:
    return ContractError(f"{path} is not a contract the mock can serve: {' '.join(str(error).split())}")


def _codes(documented: Mapping[str, Mapping[str, Any]]) -> dict[str, Code]:
    codes = {name: Code(name, _status(row["status"]), str(row["type"])) for name, row in documented.items()}
    return UNDOCUMENTED | codes


def _status(documented: int | str) -> int:
    # Some pages name only the class of a status; the mock has to choose one.
    return {"4XX": 422, "5XX": 502}.get(str(documented)) or int(documented)
