"""What becomes of the client where the server means ill, and of the mock where its caller does.

`originals` are valid answers, `mutations` spoil them, and `answers` makes of that what a server sends. `readers` reads
streams with stencils and without, `clients` asks with every kind of client, `hosts` is a server of sockets, `sizes` are
answers without an end. `servers` brings those together and judges. `callers` sends the mock what schemathesis makes of
the contract.
"""
