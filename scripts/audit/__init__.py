"""Whether saved documentation pages and the spec say the same.

`pages` reads a page, `expectations` reads the spec into the same terms, `comparison` sets them side by side, `samples`
checks what a page prints as JSON, `acceptance` knows which differences were decided upon.
"""
