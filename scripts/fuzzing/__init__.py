"""Fuzzing of the client with hostile responses, and of the mock with hostile requests.

`corpus` holds valid responses, `mutations` mutates them, and `responses` makes of that what a server sends.
`differential` parses streams with and without templates, `checked_client` calls every kind of client, and `endless`
sends bodies without an end. `fuzz_client` runs those, `fuzz_mock` what schemathesis generates.
"""
