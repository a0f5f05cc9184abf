"""Generates generated/aurous_client from openapi.yaml; openapi-python-client parses, this package writes.

yaml_loader       reads the file; refuses what is not JSON, and dangling references
schemas           finds the schemas of a document
metaschema        validates the structure of the document
keywords          finds keywords and extensions that nothing reads
examples          checks examples and bounds against the document's own schemas
normalize         rewrites the document into the phrasing of the parser
spec              the document: its operations, references and places
lint              the phrasing rules that a normalized document keeps: R1 to R12, R15 and R16
charges           phrasing rule R14: where responses have their price
paging            phrasing rule R17: how a list goes on
earlier_versions  members that earlier versions do not send become optional
unsupported       phrasing rule R13: constructs without a counterpart
names             reserved names, and names in Python
types             a parsed property -> its annotation, parser and encoder
docstrings        descriptions and bounds -> docstrings
models            components -> classes, enums and unions
operations        operations -> a module each
method_tree       operations -> the tree of client.chat.completions.create, with the name of each method
resource_classes  that tree -> classes with typed methods
project           renders the files of the package from templates/
introspect        what the sources of a generated package declare
coverage          checks that nothing of the spec was dropped
output_tree       compares and replaces directory trees
"""
