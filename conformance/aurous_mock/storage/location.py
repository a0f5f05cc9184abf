"""Where a state is kept: a SQLite file or a database by URL, printed without its password."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from aurous_mock.errors import SettingsError

_HIDDEN = "***"
# Characters of a secret that is hidden even within a word.
_LONG = 4
_SECRET_PARAMETERS = ("pass", "secret", "token", "key")
_BACKENDS = ("sqlite", "postgresql")
# Those of coroutines, while transactions are run in threads.
_ASYNC_DRIVERS = ("asyncpg", "psycopg_async", "aiosqlite")
_FORMS = (
    "it takes a SQLite file, or a PostgreSQL database as postgresql://USER:PASSWORD@HOST/DATABASE, "
    "with pip install 'aurous-labs[mock-postgres]'"
)


@dataclass(frozen=True)
class Location:
    """A parsed `--state`. str() and repr() show no secret."""

    url: sa.URL = field(repr=False)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def __str__(self) -> str:
        if self.is_sqlite:
            return self.url.database or "sqlite"
        query = {name: _HIDDEN if _is_secret(name) else value for name, value in self.url.query.items()}
        # Asterisks would be percent-encoded in a query.
        return self.url.set(query=query).render_as_string(hide_password=True).replace(quote_plus(_HIDDEN), _HIDDEN)

    def scrub(self, message: str) -> str:
        """The message without the secrets of this URL, in case a driver quotes them."""
        for secret in self._secrets():
            for form in (secret, quote(secret, safe=""), quote_plus(secret)):
                pattern = re.escape(form)
                # A letter or two are in most words, which say nothing of the secret.
                pattern = rf"(?<!\w){pattern}(?!\w)" if len(secret) < _LONG else pattern
                message = re.sub(pattern, _HIDDEN, message)
        return message

    def _secrets(self) -> list[str]:
        values = [str(self.url.password or "")]
        for name, value in self.url.query.items():
            if _is_secret(name):
                values += [value] if isinstance(value, str) else value
        return sorted(filter(None, values), key=len, reverse=True)


def parse(text: str) -> Location:
    """Raises SettingsError, which never quotes a text that may have a password in it."""
    if "://" not in text:
        path = Path(text)
        if path.is_dir() or not path.resolve().parent.is_dir():
            raise SettingsError(f"cannot use the state {path}: it cannot be created")
        return Location(sa.URL.create("sqlite", database=str(path)))
    scheme = text.partition("://")[0]
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        raise _unreadable(scheme) from None
    backend, _, driver = url.drivername.partition("+")
    if backend not in _BACKENDS or driver in _ASYNC_DRIVERS:
        raise SettingsError(f"cannot use the state {scheme}://{_HIDDEN}: {_FORMS}")
    if "@" in f"{url.host}{url.database}" and url.get_backend_name() != "sqlite":
        raise _unreadable(scheme)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return Location(url)


def _unreadable(scheme: str) -> SettingsError:
    return SettingsError(
        f"cannot use the state {scheme}://{_HIDDEN}: it is not a database URL; "
        "percent-encode special characters of the password"
    )


def _is_secret(parameter: str) -> bool:
    return any(word in parameter.lower() for word in _SECRET_PARAMETERS)
