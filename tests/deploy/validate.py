"""Holds YAML against the schemas of its kind, where a field that the schema does not know is a fault.

    validate.py compose FILE      the compose specification
    validate.py manifests FILE    Kubernetes objects, custom resources by their own definitions

Prints a line a fault, and ends with 1 where there is one.
"""
import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

SCHEMAS = pathlib.Path(sys.prefix) / "schemas"
KUBERNETES = "1.34"


def strict(schema):
    """The API server drops unknown fields without a word; here they are faults."""
    if isinstance(schema, dict):
        kept = {key: strict(value) for key, value in schema.items()}
        known = isinstance(schema.get("properties"), dict) and "type" in schema
        if known and not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept.setdefault("additionalProperties", False)
        if schema.get("x-kubernetes-int-or-string"):
            kept.pop("type", None)
        return kept
    return [strict(item) for item in schema] if isinstance(schema, list) else schema


def custom_resources():
    schemas = {}
    for file in SCHEMAS.glob("*_*.yaml"):
        definition = yaml.safe_load(file.read_text())["spec"]
        for version in definition["versions"]:
            kind = f"{definition['group']}/{version['name']}", definition["names"]["kind"]
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            schemas[kind] = schema
    return schemas


def faults(document, schema):
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft7Validator)
    for error in validator(schema).iter_errors(document):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def manifests(documents):
    custom = custom_resources()
    for document in filter(None, documents):
        kind = document.get("apiVersion"), document.get("kind")
        name = f"{kind[1]} {document.get('metadata', {}).get('name')}"
        if kind in custom:
            yield from (f"{name}: {fault}" for fault in faults(document, custom[kind]))
            continue
        try:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{name}: {'/'.join(map(str, error.path))}: {error.message[:300]}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"{name}: {error}"


def main(kind, file):
    documents = list(yaml.safe_load_all(pathlib.Path(file).read_text()))
    if kind == "compose":
        schema = json.loads((SCHEMAS / "compose-spec.json").read_text())
        found = [fault for document in documents for fault in faults(document, schema)]
    else:
        found = list(manifests(documents))
    print("\n".join(found))
    if not documents or found:
        sys.exit(1)


main(*sys.argv[1:])
