"""Turns openapi.yaml into generated/aurous_client: openapi-python-client parses, this package writes.

spec        loads the document and knows the line of every node
phrasing    refuses what openapi-python-client would drop or break without a word
types       one parsed property -> its annotation, its parser, its encoder
prose       the words of the spec -> docstrings
resources   the operations -> the tree of client.chat.completions.create
project     the files of the package, rendered from templates/
coverage    proves that nothing of the spec was dropped
tree        compares and swaps directory trees
"""
