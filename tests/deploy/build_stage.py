"""Carries out the first stage of the Dockerfile where there is no container engine:

    build_stage.py FOLDER [PROGRAM]

Every COPY, RUN and WORKDIR, word for word and in its order, in a root of its own (bubblewrap) of
this machine's compilers, whose /build, /image and cargo home are in FOLDER; of the repository it sees
what .dockerignore admits. What it cannot: the base images, `apt-get` (printed and passed over), and the
instructions of the last stage. In their place the program that was made is started alone with the shared
libraries that the last stage has.

With PROGRAM nothing is compiled: a stand-in for cargo gives it as what was made, so that all else is carried
out in a second.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
# What distroless/cc-debian12 has beside the C library.
LAST_STAGE = {"libgcc_s.so.1", "libstdc++.so.6", "libgomp.so.1", "libssl.so.3", "libcrypto.so.3"}
C_LIBRARY = re.compile(r"linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|resolv|util)\.so")


def instructions(text):
    """Name and rest of each instruction, with continued lines joined as they stand."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n", "\\\n", "\n".join(lines))
    for found in re.finditer(r"^([A-Z]+) ((?:.*\\\n)*.*)$", joined, re.MULTILINE):
        yield found.groups()


def sandbox(folder, environment, command):
    home = pathlib.Path.home()
    arguments = ["bwrap", "--tmpfs", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    for place in ("/usr", "/etc", "/lib", "/lib64", "/bin", home / ".cargo", home / ".rustup"):
        arguments += ["--ro-bind-try", str(place), str(place)]
    for name in ("build", "image", "cargo"):
        (folder / name).mkdir(exist_ok=True)
        arguments += ["--bind", str(folder / name), f"/{name}"]
    arguments += ["--chdir", "/build", *command]
    subprocess.run(arguments, check=True, env=os.environ | environment)


STAND_IN = """#!/bin/sh
case "$1 $2" in
  "install --locked") ;;
  "auditable build") mkdir -p target/release && cp /cargo/program target/release/signin-diagnostics ;;
  "cyclonedx --format") echo '{}' >sbom.json ;;
  *) echo "there is no stand-in for: cargo $*" >&2 && exit 1 ;;
esac
"""


def stand_in(folder, program):
    (folder / "cargo/bin").mkdir(parents=True)
    shutil.copy2(program, folder / "cargo/program")
    cargo = folder / "cargo/bin/cargo"
    cargo.write_text(STAND_IN)
    cargo.chmod(0o755)


def copy(words, folder):
    *sources, target = words
    admitted = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
    for source in sources:
        assert source in admitted, f"{source} is not in the context"
        place = folder / "build" / target
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, dirs_exist_ok=True)
        else:
            shutil.copy2(ROOT / source, place)


def main(folder, program=None):
    folder.mkdir(parents=True, exist_ok=True)
    if program:
        stand_in(folder, program)
    first, _ = (ROOT / "Dockerfile").read_text().split("\nFROM gcr.io")
    shell = ["/bin/sh", "-c"]
    environment = {"CARGO_HOME": "/cargo", "RUSTUP_HOME": str(pathlib.Path.home() / ".rustup")}
    environment["PATH"] = f"/cargo/bin:{pathlib.Path.home()}/.cargo/bin:/usr/bin:/bin"
    for name, rest in instructions(first):
        print(f"{name} {rest}", flush=True)
        started = time.monotonic()
        if name == "SHELL":
            shell = re.findall(r'"([^"]+)"', rest)
        elif name == "ARG" and "=" in rest:
            key, _, value = rest.partition("=")
            environment[key] = value
            if key == "RUST_VERSION":
                environment["RUSTUP_TOOLCHAIN"] = value  # what the base image has
        elif name == "COPY":
            copy(rest.split(), folder)
        elif name == "RUN" and rest.startswith("apt-get"):
            print("# passed over", flush=True)
        elif name == "RUN":
            sandbox(folder, environment, [*shell, rest])
            print(f"# {time.monotonic() - started:.0f} s", flush=True)

    program = folder / "image/usr/bin/signin-diagnostics"
    said = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
    needed = {line.split()[0].rsplit("/", 1)[-1] for line in said.splitlines()}
    missing = {name for name in needed if name not in LAST_STAGE and not C_LIBRARY.match(name)}
    assert not missing, f"the last stage has no {missing}"
    print(f"# needs {sorted(needed)}, and the last stage has them")
    for file in sorted(filter(pathlib.Path.is_file, (folder / "image").rglob("*"))):
        print(f"# {file.stat().st_size:>10} /{file.relative_to(folder / 'image')}")


main(pathlib.Path(sys.argv[1]).resolve(), *sys.argv[2:3])
