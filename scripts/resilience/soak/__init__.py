"""Clients kept busy for half an hour, and whether memory, descriptors, sockets and threads stay level.

`soak_run` starts the mock and the client process, `traffic`, which takes its work from `workload`. It samples both by
`process_metrics`; `leak_check` decides by the samples, and `plot` draws them.
"""
