"""The conformance suite's workings: what a rule is, how a server is asked, how a verdict is told."""
