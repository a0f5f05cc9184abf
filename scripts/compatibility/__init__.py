"""Runs the clients of other people against the mock, and engines of other people behind the gateway.

`clients` and `engines` list them, and `environments` installs each apart from the rest. `runner` runs the driver of a
client, a program in `drivers`. `engine_runner` starts an engine (`engine_process`) with a gateway in front of it
(`gateway_subject`) and makes the `gateway_checks`. `table` keeps the results, and writes conformance/COMPATIBILITY.md.
"""
