"""Compares two versions of the spec and classifies each change for a client of the API.

changes     a change, and the report of a comparison
comparison  the comparison as a whole
extensions  what Redocly does not compare
findings    Redocly's differences as kinds of changes
keywords    narrower or wider, by schema keyword
kinds       breaking, compatible or documentation, by kind of change
ordering    the same in another order, or in another place of a path
redocly     runs `redocly diff`
render      text, JSON, Markdown
sources     reads specs from files and git revisions
subjects    short names for parts of a spec
unions      schemas that became a union or ceased to be one
usage       in requests or in responses, and by which operations
"""
