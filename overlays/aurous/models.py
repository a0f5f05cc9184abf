"""The objects of the API: `from aurous.models import UserMessage`. Each is loaded when it is first used."""

from typing import TYPE_CHECKING, Any

import aurous_client.models as _generated

if TYPE_CHECKING:
    from aurous_client.models import *  # noqa: F403

else:
    __all__ = _generated.__all__

    def __getattr__(name: str) -> Any:
        value = globals()[name] = getattr(_generated, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
