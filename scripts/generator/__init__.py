"""Turns openapi.yaml into generated/aurous_client: openapi-python-client parses, this package writes.

loading       reads the file, and refuses what is no JSON or points nowhere
schemas       knows where the schemas of a document stand
frame         refuses nodes of another kind than OpenAPI has in their place
spec          the document: its operations, references and places
phrasing      refuses what openapi-python-client would drop or break without a word
counterparts  refuses what the generated client has no counterpart of
names         the names that generated code needs for itself
types         one parsed property -> its annotation, its parser, its encoder
prose         the words of the spec -> docstrings
models        the components -> classes, enums and unions
operations    the operations -> a module each
resources     the operations -> the tree of client.chat.completions.create
methods       that tree -> classes with typed methods
project       the files of the package, rendered from templates/
sources       what the sources of a generated package declare
coverage      proves that nothing of the spec was dropped
tree          compares and swaps directory trees
"""
