"""Compares saved documentation pages with the spec.

`pages` parses a page, with `constraints` for its fields and `prose` for what it says in words; `spec_operation` reads
the spec into the same `facts`; `comparison` finds the differences, `samples` validates what a page prints as JSON, and
`acceptance` marks the differences that were accepted, each with a reason.
"""
