//! The service as it is deployed: a user without rights, a file system that cannot be written to,
//! and no more system calls than the unit of `deploy/systemd` allows.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::{Load, Setup};

/// The virtual environment of `tests/deploy/install-tools`.
fn python() -> PathBuf {
    let tools = std::env::var_os("SIGNIN_DIAGNOSTICS_DEPLOY_TOOLS").map_or_else(
        || {
            let home = std::env::var_os("HOME").expect("there is a home");
            Path::new(&home).join(".cache/signin-diagnostics/deploy-tools")
        },
        PathBuf::from,
    );
    let python = tools.join("bin/python3");
    assert!(python.exists(), "install it with: make deploy-tools");
    python
}

/// The only child of a process.
fn child(pid: u32) -> u32 {
    let children = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(children).expect("the process is there");
    children.trim().parse().expect("one child")
}

#[test]
fn without_rights_and_without_a_place_to_write_it_diagnoses_and_drains() {
    let setup = Setup::new("confined", 2);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python());
    command
        .arg(root.join("tests/deploy/confined.py"))
        .arg(env!("CARGO_BIN_EXE_signin-diagnostics"));
    let mut service = setup.start_by(command);
    service.wait_ready();

    // bubblewrap waits for the program, which is its child.
    let program = child(service.pid());
    let status = fs::read_to_string(format!("/proc/{program}/status")).expect("it runs");
    let is = |name: &str, value: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("no {name}")).trim();
        assert_eq!(line.split_whitespace().next(), Some(value), "{name} {line}");
    };
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    assert!(
        !uid.expect("it has one")
            .split_whitespace()
            .any(|id| id == "0"),
        "{uid:?}"
    );
    for capabilities in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        is(capabilities, "0000000000000000");
    }
    is("NoNewPrivs:", "1");
    is("Seccomp:", "2");
    let mounts = fs::read_to_string(format!("/proc/{program}/mountinfo")).expect("it runs");
    for mount in mounts.lines().filter(|mount| !mount.contains(" /proc ")) {
        let options = mount.split(' ').nth(5).expect("options");
        assert!(options.split(',').any(|option| option == "ro"), "{mount}");
    }

    let load = Load::generate(8, Profile::tests(), 500);
    setup.send(load.bodies());
    service.wait_for_records(load.records());
    let started = service.metrics().value("process_start_time_seconds");
    assert!(started.is_some_and(|seconds| seconds > 0.0), "{started:?}");

    let ended = Command::new("kill").arg(program.to_string()).status();
    assert!(ended.expect("kill starts").success());
    let status = service.wait(std::time::Duration::from_secs(40));
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert_eq!(setup.lag(), 0);
    assert_eq!(setup.diagnoses().len(), load.ids().len());
}
