"""A second server of the Aurous Labs API, written from its documentation alone, to test the conformance suite on."""

from .server import Server, build, serving

__all__ = ["Server", "build", "serving"]
