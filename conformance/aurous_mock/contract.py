"""Reads `openapi.yaml` into what the mock serves by: versions, error codes, request schema; judges no request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from aurous_mock.errors import UNDOCUMENTED, Code, type_for

REQUEST_SCHEMA = "#/components/schemas/ChatCompletionRequest"


class ContractError(Exception):
    """A spec file is missing or is not the contract of this API."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One dated version of the API."""

    version: str
    request: jsonschema_rs.Draft202012Validator
    codes: Mapping[str, Code]

    def code(self, name: str, status: int | None = None) -> Code:
        """The code as documented, or, for a code no page knows, one made up from `status` (500 without)."""
        known = self.codes.get(name)
        if known is None:
            status = status or 500
            return Code(name, status, type_for(status))
        return known if status is None else Code(known.name, status, known.type)


@dataclass(frozen=True, slots=True)
class Contracts:
    """Every version served, and the one applied when a request names none."""

    by_version: Mapping[str, Contract]
    current: Contract


def default_spec() -> Path:
    """The spec shipped beside this module in a wheel, or the repository's own in a checkout."""
    here = Path(__file__).resolve().parent
    for candidate in (here / "openapi.yaml", here.parents[1] / "openapi.yaml"):
        if candidate.is_file():
            return candidate
    raise ContractError("openapi.yaml is neither beside the mock nor at the root of its checkout")


def load(paths: Iterable[Path] = ()) -> Contracts:
    """Read the given specs (the default one if none is given); the newest version is the current one."""
    contracts = [_read(path) for path in (tuple(paths) or (default_spec(),))]
    by_version = {contract.version: contract for contract in contracts}
    return Contracts(by_version=by_version, current=by_version[max(by_version)])


def _read(path: Path) -> Contract:
    # libyaml reads the spec some ten times faster, and a server's start is mostly this.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader either way
        return Contract(
            version=str(document["info"]["version"]),
            request=jsonschema_rs.Draft202012Validator({"$ref": REQUEST_SCHEMA, "components": document["components"]}),
            codes=_codes(document["components"]["x-error-codes"]),
        )
    except OSError as error:
        raise ContractError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ContractError(f"{path} is not a contract the mock can serve: {reason}") from error


def _codes(documented: Mapping[str, Mapping[str, Any]]) -> dict[str, Code]:
    codes = {name: Code(name, _status(row["status"]), str(row["type"])) for name, row in documented.items()}
    return UNDOCUMENTED | codes


def _status(documented: int | str) -> int:
    # Some pages give only the family of a status; the mock has to choose a member.
    return {"4XX": 422, "5XX": 502}.get(str(documented)) or int(documented)
