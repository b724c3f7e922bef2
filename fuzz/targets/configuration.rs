//! Any text as a configuration file, an environment variable and a flag: settings, or faults.
use std::ffi::OsString;
use std::fs;

use signin_diagnostics::config::{Settings, Sources};

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.toml");
    fs::write(&file, bytes).unwrap();
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next().unwrap_or_default();
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    let variable = format!(
        "SIGNIN_DIAGNOSTICS__{}",
        key.trim().to_uppercase().replace('.', "__")
    );
    for sources in [
        Sources {
            files: vec![file],
            environment: Vec::new(),
            set: Vec::new(),
        },
        Sources {
            files: Vec::new(),
            environment: vec![(OsString::from(variable), OsString::from(value.trim()))],
            set: Vec::new(),
        },
        Sources {
            files: Vec::new(),
            environment: Vec::new(),
            set: text.lines().take(20).map(str::to_owned).collect(),
        },
    ] {
        if let Err(faults) = Settings::load(&sources) {
            assert!(!faults.to_string().is_empty());
        }
    }
}
