"""Sends requests and reads responses: the drivers of flows, for threads and for coroutines. Internal.

The only package that imports an HTTP library. What is sent, and whether again, is decided in `_request`.
"""
