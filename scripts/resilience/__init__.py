"""Whether the client keeps its promises when the network and the server do not.

`faults` says what can go wrong and draws lots, `messages` reads and writes HTTP, `proxy` spoils what passes it, and
`victim` is the mock server, to be killed. `jobs` is what processes tell one another, `subjects` how it is told what a
client met, `workers` the processes with clients in them, `crew` several of those at work. `campaign` brings all of that
together; `charges` and `receipts` hold what the clients say against the ledger, `verdicts` writes down what they find.

Whether they hold more and more where they are busy for long is tried too: `errands` are what clients are asked then,
`traffic` is a process full of them, `gauges` read what a process holds. `endurance` brings those together, `flatness`
judges, `curves` draws. `arguments` checks what all these commands are told.
"""
