"""Holds YAML against the schemas of its kind, where a field that the schema does not know is a fault.

    validate.py compose FILE      the compose specification
    validate.py manifests FILE    Kubernetes objects, custom resources by their own definitions
    validate.py datasources FILE  what Grafana reads from provisioning/datasources
    validate.py providers FILE    what it reads from provisioning/dashboards

Prints a line a fault, and ends with 1 where there is one; without faults, prints the file as JSON.
"""
import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

SCHEMAS = pathlib.Path(sys.prefix) / "schemas"
KUBERNETES = "1.34"


def closed(required, **properties):
    properties = {name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def listed(name, item):
    return closed(["apiVersion", name], apiVersion={"const": 1}, **{name: {"type": "array", "items": item, "minItems": 1}})


# Grafana has no schema for its provisioning files: the keys of its documentation, as far as one that
# is used here could be misspelt. Grafana itself ignores a key that it does not know.
GRAFANA = {
    "datasources": listed("datasources", closed(
        ["name", "uid", "type", "access", "url"], name="string", uid="string", type="string",
        access={"enum": ["proxy", "direct"]}, url="string", orgId="integer", isDefault="boolean",
        editable="boolean", jsonData="object")),
    "providers": listed("providers", closed(
        ["name", "type", "options"], name="string", type={"const": "file"}, orgId="integer",
        folder="string", folderUid="string", disableDeletion="boolean", allowUiUpdates="boolean",
        updateIntervalSeconds="integer",
        options=closed(["path"], path="string", foldersFromFilesStructure="boolean"))),
}


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
    if kind == "manifests":
        found = list(manifests(documents))
    else:
        schema = GRAFANA.get(kind) or json.loads((SCHEMAS / "compose-spec.json").read_text())
        found = [fault for document in documents for fault in faults(document, schema)]
    print("\n".join(found or map(json.dumps, documents)))
    if not documents or found:
        sys.exit(1)


main(*sys.argv[1:])
