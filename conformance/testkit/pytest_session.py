"""A pytest plugin that keeps slow machines, ignored interrupts and the garbage of imports out of the tests' results."""

from __future__ import annotations

import gc
import signal

from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def pytest_configure() -> None:
    settings.register_profile("calm", CALM)
    settings.load_profile("calm")
    # A job in the background of a script is started with Ctrl-C ignored, and hands that on to all it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # What is loaded from now until the first test stays: to look for garbage in it is in vain, then and later.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
