"""Judges documents by a JSON Schema: judge_documents.py SCHEMA < LINES.

Each line of stdin is a document as JSON. For each a line is printed: "good", or "bad: " and why.
"""

import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for line in sys.stdin:
    fault = jsonschema.exceptions.best_match(validator.iter_errors(json.loads(line)))
    print("good" if fault is None else "bad: " + fault.message.replace("\n", " "))
