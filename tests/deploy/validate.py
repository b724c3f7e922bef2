"""Holds YAML against the schemas of its kind, where a field that the schema does not know is a fault.

    validate.py compose FILE      the compose specification
    validate.py manifests FILE    Kubernetes objects, custom resources by their own definitions, triggers of
                                  KEDA by its list of scalers
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


def trigger_faults(documents):
    """For Kubernetes the metadata of a trigger is any text, and KEDA passes over a name that it does not know."""
    scalers = {s["type"]: s["parameters"] for s in json.loads((SCHEMAS / "keda-scalers.json").read_text())["scalers"]}
    by_kind = {kind: [d for d in documents if d.get("kind") == kind] for kind in ("ScaledObject", "TriggerAuthentication")}
    for trigger in (trigger for document in by_kind["ScaledObject"] for trigger in document["spec"].get("triggers", [])):
        name, given = f"trigger {trigger['type']}", trigger.get("metadata", {})
        parameters = {p["name"]: p for p in scalers.get(trigger["type"], [])}
        if not parameters:
            yield f"{name}: KEDA has no such scaler"
            continue
        of_metadata = {p for p in parameters if parameters[p].get("metadataVariableReadable")}
        yield from (f"{name}: metadata has no {key}" for key in given.keys() - of_metadata)
        yield from (f"{name}: metadata lacks {key}" for key in of_metadata - given.keys()
                    if not parameters[key].get("optional") and "default" not in parameters[key])
        for key in given.keys() & of_metadata:
            allowed = parameters[key].get("allowedValue")
            if allowed and given[key] not in allowed:
                yield f"{name}: {key} is {given[key]}, not one of {allowed}"
        reference = trigger.get("authenticationRef", {}).get("name")
        secrets = [s["parameter"] for document in by_kind["TriggerAuthentication"]
                   if document["metadata"]["name"] == reference for s in document["spec"].get("secretTargetRef", [])]
        if reference and not secrets:
            yield f"{name}: there is no TriggerAuthentication {reference}"
        yield from (f"{name}: no secret is called {key}" for key in secrets
                    if not parameters.get(key, {}).get("triggerAuthenticationVariableReadable"))


def manifests(documents):
    custom = custom_resources()
    documents = [document for document in documents if document]
    yield from trigger_faults(documents)
    for document in documents:
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
