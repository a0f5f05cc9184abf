"""Long runs that show what the client and the mock withstand.

`chaos` makes calls and streams through a proxy that injects faults, kills the server, and compares client and server
ledgers. `soak` keeps clients busy and checks that neither process leaks. `cluster` sends rows with Ray, and kills a
node. Chaos and soak run a `paced_mock`; all end in a `report`, as fuzzing and attacks do. With these, and with
benchmarks and mutation scores, they share the checks of `arguments`.
"""
