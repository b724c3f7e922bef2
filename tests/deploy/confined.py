"""Runs the program as deploy/systemd and the image do: confined.py PROGRAM run --config FILE

- as user and group 65532, without groups, capabilities and new privileges;
- on a read-only file system with glibc, certificates, the program and its settings alone;
- with the system calls and address families that the unit allows, and no memory that can be
  written and executed.

It uses bubblewrap and a filter made from the unit, since systemd is not everywhere the first process.
"""
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pyseccomp as seccomp

UNIT = pathlib.Path(__file__).parents[2] / "deploy/systemd/signin-diagnostics.service"
USER = 65532
PROT_EXEC, PROT_WRITE = 4, 2


def settings(name):
    lines = (line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line)
    return [value for key, value in lines if key == name]


def members(word):
    """The system calls of a set such as @system-service, by systemd's own list."""
    if not word.startswith("@"):
        return {word}
    command = ["systemd-analyze", "--no-pager", "syscall-filter", word]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    words = (line.strip() for line in lines[1:])
    return set().union(*(members(word) for word in words if word and not word.startswith("#")))


def allowed():
    calls = set()
    for line in settings("SystemCallFilter"):
        words = line.removeprefix("~").split()
        of_line = set().union(*map(members, words))
        calls = calls - of_line if line.startswith("~") else calls | of_line
    # systemd adds what is needed to start a program at all.
    return calls | members("@default") | {"execve"}


def program_filter():
    rules = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
    for call in sorted(allowed() - {"socket", "mprotect", "mmap", "pkey_mprotect"}):
        try:
            rules.add_rule(seccomp.ALLOW, call)
        except OSError:
            pass  # a call of another processor
    for family in settings("RestrictAddressFamilies")[0].split():
        number = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}[family]
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, number))
    assert settings("MemoryDenyWriteExecute") == ["yes"]
    masked = seccomp.MASKED_EQ
    rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, masked, PROT_EXEC, 0))
    rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, masked, PROT_EXEC, 0))
    rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, masked, PROT_EXEC | PROT_WRITE, PROT_EXEC))
    file = tempfile.TemporaryFile()
    rules.export_bpf(file)
    file.seek(0)
    os.set_inheritable(file.fileno(), True)
    return file


def main(program, config):
    # Readable for the user, and gone with the folder of the settings.
    root = pathlib.Path(config).parent / "root"
    root.mkdir()
    shutil.copy(program, root / "signin-diagnostics")
    shutil.copy(config, root / "service.toml")
    os.chmod(root / "service.toml", 0o644)
    for folder in (root, root.parent):
        os.chmod(folder, 0o755)
    rules = program_filter()
    command = ["bwrap", "--unshare-user", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
               "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
               "--seccomp", str(rules.fileno())]
    for folder in ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ssl"):
        if os.path.islink(folder):
            command += ["--symlink", os.readlink(folder), folder]
        elif os.path.exists(folder):
            command += ["--ro-bind", folder, folder]
    command += ["--ro-bind", f"{root}/signin-diagnostics", "/usr/bin/signin-diagnostics",
                "--ro-bind", f"{root}/service.toml", "/etc/signin-diagnostics/service.toml",
                "--proc", "/proc", "--remount-ro", "/",
                "/usr/bin/signin-diagnostics", "run", "--config", "/etc/signin-diagnostics/service.toml"]
    if os.getuid() == 0:
        command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
                   "--inh-caps=-all", "--no-new-privs", *command]
    os.execvp(command[0], command)


assert sys.argv[2:4] == ["run", "--config"], __doc__
main(sys.argv[1], sys.argv[4])
