"""Holds the `az` commands of pages against the arguments that they take: az_commands.py PAGE...

The Azure CLI is too large to install for this. `az-arguments.json` is what `az COMMAND --help` of azure-cli
2.91.0 says of the commands that the pages have (of `aks update` a part); of those of the extension kusto, what its
public documentation says. Prints a line a fault, and ends with 1 where there is one, or where a page has no `az`.

A fault is: quotes that do not close, a command or an option that is not known, a required option that is
missing, and a variable that the page does not set.
"""
import json
import pathlib
import re
import shlex
import sys

HERE = pathlib.Path(__file__).parent
KNOWN = json.loads((HERE / "az-arguments.json").read_text())
COMMON = {"--output", "--query", "--subscription", "--only-show-errors"}
SEPARATORS = {";", "&&", "||", "|", "{", "}", "do", "then", "if", "!", "&"}


def shell(page):
    """The lines of its blocks, with continued ones joined and comments left out."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [line for line in "\n".join(blocks).replace("\\\n", " ").split("\n") if line[:1] != "#"]


def commands(line):
    """Each simple command of a line; those in $( ) first, which leave a word behind."""
    while True:
        inner = re.search(r"\$\(([^()]*)\)", line)
        if not inner:
            break
        yield from commands(inner.group(1))
        line = line[: inner.start()] + "substituted" + line[inner.end() :]
    words = []
    for word in shlex.split(line, comments=True):
        if word in SEPARATORS or re.fullmatch(r"\w+\(\)", word):
            yield words
            words = []
        else:
            ends = word.endswith(";")
            words.append(word.rstrip(";"))
            if ends:
                yield words
                words = []
    yield words


def faults(page):
    lines = shell(page)
    text = "\n".join(lines)
    variables = set(re.findall(r"(?:^|\s)([A-Za-z_]\w*)\+?=", text)) | set(re.findall(r"\bfor (\w+) in", text))
    count = 0
    for line in lines:
        try:
            found = [words for words in commands(line) if words and words[0] == "az"]
        except ValueError as error:
            yield f"{error}: {line}"
            continue
        for words in found:
            count += 1
            options = [word.split("=")[0] for word in words if word.startswith("--")]
            command = " ".join(words[1 : next((i for i, w in enumerate(words) if w[:1] == "-"), len(words))])
            if command not in KNOWN:
                yield f"az {command}: not a command that is known"
                continue
            known = KNOWN[command]
            yield from (f"az {command}: {o} is no option" for o in options if o not in {*known["options"], *COMMON})
            for names in known["required"]:
                if not set(names.split("|")) & set(options):
                    yield f"az {command}: {names} is missing"
        for name in re.findall(r"\$\{?([A-Za-z_]\w*)", line) if found else ():
            if name not in variables:
                yield f"${name} is not set: {line.strip()}"
    if not count:
        yield "there is no az command"


found = [f"{page}: {fault}" for page in sys.argv[1:] for fault in faults(pathlib.Path(page).read_text())]
print("\n".join(found))
sys.exit(bool(found))
