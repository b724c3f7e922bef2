//! The tools that `tests/deploy/install-tools` installs, and the files they are asked about.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const INSTALL: &str = "install it with: tests/deploy/install-tools";

/// A path of the repository.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Where the tools are.
pub fn installed() -> PathBuf {
    if let Some(folder) = env::var_os("SIGNIN_DIAGNOSTICS_DEPLOY_TOOLS") {
        return folder.into();
    }
    let home = env::var_os("HOME").expect("there is a home");
    Path::new(&home).join(".cache/signin-diagnostics/deploy-tools")
}

/// Whether a tool succeeded, and all it said.
pub fn run(tool: &str, arguments: &[&str]) -> (bool, String) {
    let here = installed().join("bin").join(tool);
    let program = if here.exists() { here } else { tool.into() };
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap_or_else(|error| panic!("{tool}: {error}; {INSTALL}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

/// What a tool said that succeeded.
pub fn succeeds(tool: &str, arguments: &[&str]) -> String {
    let (is_success, said) = run(tool, arguments);
    assert!(is_success, "{tool} {}:\n{said}", arguments.join(" "));
    said
}

/// A tool fails, and says why.
pub fn refuses(tool: &str, arguments: &[&str], why: &str) {
    let (is_success, said) = run(tool, arguments);
    assert!(!is_success, "{tool} takes {}", arguments.join(" "));
    assert!(said.contains(why), "{tool} does not say {why:?}:\n{said}");
}

/// A text as a file of its own, which ends with the value.
pub fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("it can be written");
    let path = path.to_str().expect("a plain name").to_owned();
    (folder, path)
}

/// Replaces what must be there.
pub fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "there is no {old:?} to replace");
    text.replace(old, new)
}
