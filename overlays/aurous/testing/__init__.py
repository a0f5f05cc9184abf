"""A mock server for the tests of a service: a pytest plugin, and `running` for unittest and scripts.

    def test_it_names_the_colours(aurous_mock):
        aurous_mock.answer("Red, green and blue.", when="colours")
        assert my_service.colours()  # calls Aurous(), or a client made when the module was imported
        assert len(aurous_mock.ledger()) == 1

pytest finds this module by its entry point. While it runs, no client calls a server that is not on this machine,
unless the ini option `aurous_allowed_hosts` or the marker `aurous_allow_hosts` names the host. The server is loaded
by the first test that asks for a fixture; it needs `pip install 'aurous-labs[mock]'`.

    with running() as aurous_mock:  # in unittest: aurous_mock = self.enterContext(running())
        aurous_mock.answer("Spam.")
        completion = Aurous().chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)
        assert completion.choices[0].message.content == "Spam."
"""

from __future__ import annotations

from ._mock import AurousMock, running, tool_call

__all__ = ["AurousMock", "running", "tool_call"]

try:
    # pytest reads the names below, and no others.
    from ._plugin import (
        _aurous_mock_server,  # noqa: F401
        aurous_mock,  # noqa: F401
        module_aurous_mock,  # noqa: F401
        pytest_addoption,  # noqa: F401
        pytest_configure,  # noqa: F401
        pytest_runtest_setup,  # noqa: F401
        session_aurous_mock,  # noqa: F401
    )
except ModuleNotFoundError as _error:
    # A script that uses `running` needs no pytest.
    if _error.name != "pytest":
        raise
