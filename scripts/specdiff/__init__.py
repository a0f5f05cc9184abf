"""Compares two versions of the spec and classifies each change for a client of the API.

changes     a change, and the report of a comparison
comparison  the comparison as a whole
engine      runs `redocly diff`
extensions  what the engine does not compare
findings    differences of the engine -> rules
keywords    narrower or wider, by schema keyword
render      text, JSON, Markdown
rules       the class of a change: breaking, compatible or documentation, by rule
sources     reads specs from files and git revisions
subjects    short names for parts of a spec
unions      schemas that became a union or ceased to be one
usage       in requests or in responses, and by which operations
"""
