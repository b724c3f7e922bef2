//! Where the broker's jars come from: Maven Central, once, into a cache outside the repository.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names another folder for the jars.
const CACHE_VARIABLE: &str = "SIGNIN_DIAGNOSTICS_KAFKA_JARS";

const INSTALL: &str = "apt-get install openjdk-17-jre-headless maven";

/// The folder of the jars, filled on first use.
pub fn jars() -> Result<PathBuf, String> {
    let jars = cache()?;
    require("java", "-version")?;
    if !jars.is_dir() {
        fetch(&jars)?;
    }
    Ok(jars)
}

fn cache() -> Result<PathBuf, String> {
    if let Some(folder) = env::var_os(CACHE_VARIABLE) {
        return Ok(folder.into());
    }
    let base = env::var_os("XDG_CACHE_HOME")
        .filter(|base| !base.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| format!("no home folder; set {CACHE_VARIABLE} to a folder"))?;
    Ok(base.join("signin-diagnostics").join("kafka-4.1.0"))
}

/// Fills a folder beside the cache and moves it there whole, so that a broken download or a
/// second test run at the same time never leaves half a distribution.
fn fetch(jars: &Path) -> Result<(), String> {
    require("mvn", "-version")?;
    let parent = jars.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    let staging = tempfile::Builder::new()
        .prefix("kafka-download-")
        .tempdir_in(parent)
        .map_err(|error| format!("{}: {error}", parent.display()))?;
    let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/kafka/pom.xml");
    let filled = staging.path().join("jars");

    let output = Command::new("mvn")
        .args(["--batch-mode", "--quiet", "dependency:copy-dependencies"])
        .arg("--file")
        .arg(pom)
        .arg(format!("-DoutputDirectory={}", filled.display()))
        .output()
        .map_err(|error| format!("mvn: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "mvn could not fetch Apache Kafka 4.1.0 (needs Maven Central or a mirror of it):\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    match fs::rename(&filled, jars) {
        Err(error) if !jars.is_dir() => Err(format!("{}: {error}", jars.display())),
        _ => Ok(()),
    }
}

fn require(program: &str, version_flag: &str) -> Result<(), String> {
    let answers = Command::new(program)
        .arg(version_flag)
        .output()
        .is_ok_and(|output| output.status.success());
    if answers {
        Ok(())
    } else {
        Err(format!(
            "the broker tests need {program}; install it with: {INSTALL}"
        ))
    }
}
