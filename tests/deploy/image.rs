//! `Dockerfile` and `.dockerignore`. The image itself is built by the release workflow.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::tools::{file, path, read, refuses, replaced, succeeds};

fn dockerfile() -> String {
    read("Dockerfile")
}

/// The instructions after the last FROM: what is in force in the image.
fn last_stage() -> String {
    let text = dockerfile();
    let (_, stage) = text.rsplit_once("\nFROM ").expect("it has stages");
    stage.to_owned()
}

#[test]
fn hadolint_finds_nothing_and_refuses_a_broken_one() {
    succeeds("hadolint", &["Dockerfile"]);

    let shell = replaced(
        &dockerfile(),
        "RUN mkdir -p src benches/end_to_end",
        "RUN cd src",
    );
    let (_folder, broken) = file("Dockerfile", &shell);
    refuses("hadolint", &[&broken], "DL3003");
}

#[test]
fn the_image_runs_as_a_number_without_a_shell_and_asks_itself() {
    let stage = last_stage();
    assert!(stage.contains("\nUSER 65532:65532\n"));
    assert!(!stage.contains("\nRUN "), "there is no shell to run it");
    for instruction in ["HEALTHCHECK", "ENTRYPOINT", "CMD"] {
        let (_, rest) = stage
            .split_once(&format!("\n{instruction}"))
            .unwrap_or_else(|| panic!("no {instruction}"));
        let words = rest.split_once('[').expect("a list of words");
        assert!(words.1.starts_with("\"/usr/bin/signin-diagnostics\"") || instruction == "CMD");
    }
    assert!(stage.contains("\"healthcheck\"]"));
    assert!(
        !stage.contains("\nENV "),
        "it would go before the settings of a file"
    );
    let files = [
        "/usr/share/signin-diagnostics/container.toml",
        "/etc/signin-diagnostics/service.toml",
    ];
    let [defaults, own] = files;
    let command = format!("\nCMD [\"run\", \"--config\", \"{defaults}\", \"--config\", \"{own}\"]");
    assert!(stage.contains(&command));
    for label in ["title", "licenses", "version", "revision"] {
        let label = format!("org.opencontainers.image.{label}=");
        assert!(stage.contains(&label), "{label}");
    }
    let version = format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"));
    assert!(
        stage.contains(&version),
        "the version is that of Cargo.toml"
    );
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_repository() {
    let toolchain = read("rust-toolchain.toml");
    let (_, rest) = toolchain.split_once("channel = \"").expect("it is named");
    let channel = rest.split('"').next().expect("it ends");
    assert!(dockerfile().contains(&format!("ARG RUST_VERSION={channel}\n")));
}

/// Every instruction of the first stage but for what cargo does, and what the last stage takes over.
#[test]
fn the_first_stage_puts_everything_where_the_image_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().to_str().expect("a plain name");
    let program = env!("CARGO_BIN_EXE_signin-diagnostics");
    let said = succeeds("python3", &["tests/deploy/build_stage.py", place, program]);
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    let image = folder.path().join("image");
    for (file, source) in [
        ("usr/bin/signin-diagnostics", None),
        ("usr/share/sbom/signin-diagnostics.cdx.json", None),
        (
            "etc/signin-diagnostics/event-hubs.toml",
            Some("config/event-hubs.toml"),
        ),
        (
            "usr/share/signin-diagnostics/container.toml",
            Some("config/container.toml"),
        ),
    ] {
        let file = image.join(file);
        let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(source.is_none_or(|source| bytes == read(source).as_bytes()));
    }
    // What the container app and the command of the image start with.
    let app = read("deploy/azure/main.bicep");
    for words in [
        app.split("args: [").nth(1),
        last_stage().split("\nCMD [").nth(1),
    ] {
        let words = words
            .and_then(|rest| rest.split(']').next())
            .expect("a list");
        let files = words.split(", ").map(|word| word.trim_matches(['\'', '"']));
        for file in files.filter(|word| word.contains("/usr/") || word.contains("/event-hubs.")) {
            assert!(image.join(file.trim_start_matches('/')).exists(), "{file}");
        }
    }
}

/// The targets of a package, by the places of their sources.
fn targets(folder: &Path) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(folder)
        .output()
        .expect("it starts");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let folder = folder.canonicalize().expect("it is there");
    let targets = metadata["packages"][0]["targets"].as_array();
    targets
        .expect("there are some")
        .iter()
        .filter(|target| target["kind"][0] != "test")
        .map(|target| target["src_path"].as_str().expect("a path"))
        .map(|place| Path::new(place).strip_prefix(&folder).expect("inside"))
        .map(|place| place.to_string_lossy().into_owned())
        .collect()
}

/// The layer of the dependencies stands in for every target that Cargo.toml names.
#[test]
fn the_layer_of_the_dependencies_has_every_target() {
    let text = dockerfile();
    let (_, run) = text.split_once("\nRUN mkdir ").expect("it is there");
    let (stand_ins, _) = run.split_once(" && cargo auditable").expect("it compiles");
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(path(file), folder.path().join(file)).expect("it can be copied");
    }
    let script = format!(
        "mkdir {} && true",
        stand_ins.trim_end().trim_end_matches('\\')
    );
    let made = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(&folder)
        .status();
    assert!(made.expect("bash starts").success(), "{script}");
    assert_eq!(targets(folder.path()), targets(&path("")));

    fs::remove_file(folder.path().join("benches/soak.rs")).expect("it was made");
    assert_ne!(targets(folder.path()), targets(&path("")));
}

/// What the sources include at compile time, and what Cargo.toml names, is in the context and is
/// copied: a build that lacks a file fails minutes after its start.
#[test]
fn everything_that_is_compiled_is_in_the_context_and_copied() {
    let ignore = read(".dockerignore");
    let admitted: BTreeSet<&str> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let text = dockerfile();
    let copied: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
        .flat_map(|line| {
            let words: Vec<&str> = line.split(' ').skip(1).collect();
            words[..words.len() - 1].to_vec()
        })
        .collect();
    assert_eq!(admitted, copied, ".dockerignore and COPY");

    let mut needed = BTreeSet::new();
    included(&path("src"), &mut needed);
    included(&path("benches"), &mut needed);
    assert!(
        needed.contains("config") && needed.contains("templates"),
        "{needed:?}"
    );
    for folder in needed {
        assert!(
            admitted.contains(folder.as_str()),
            "{folder} is compiled in: add it to .dockerignore and to a COPY of Dockerfile"
        );
    }
}

/// The top folders of files that the code includes, but for code of tests.
fn included(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let file = entry.expect("it can be listed").path();
        if file.is_dir() {
            included(&file, found);
            continue;
        }
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("it is a text");
        let program = text.split("#[cfg(test)]").next().expect("a beginning");
        // Where askama looks for what its attribute names.
        if program.contains("#[template(path = ") {
            found.insert("templates".to_owned());
        }
        for part in program.split("include_").skip(1) {
            let Some(name) = part
                .split_once("!(")
                .and_then(|(_, rest)| rest.split('"').nth(1))
            else {
                continue;
            };
            let target = file.parent().expect("a folder").join(name);
            let Ok(target) = target.canonicalize() else {
                continue;
            };
            let root = path("").canonicalize().expect("it is there");
            if let Ok(inside) = target.strip_prefix(&root) {
                let top = inside.components().next().expect("a part");
                found.insert(top.as_os_str().to_string_lossy().into_owned());
            }
        }
    }
}
