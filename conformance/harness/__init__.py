"""The conformance suite's machinery: rules and outcomes, the HTTP client, generated requests, reports."""
