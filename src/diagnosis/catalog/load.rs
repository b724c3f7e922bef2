//! From the files of a catalog to a [`Catalog`], or to every fault they have.
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::fault::{Findings, Place};
use super::{Catalog, CatalogFaults, scenarios, table};

/// More is no table of codes, and is not read into memory.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The files of a catalog, in the order in which [`assemble`] takes them.
const NAMES: [&str; 5] = [
    "catalog.toml",
    "error-codes.csv",
    "scenarios.toml",
    "cases.toml",
    "requirement-providers.csv",
];

/// The content of a file with the name that messages give it. `None` has been found missing.
type Content<'a> = (String, Option<&'a [u8]>);

pub(super) fn embedded() -> Result<Catalog, CatalogFaults> {
    const CONTENTS: [&[u8]; NAMES.len()] = [
        include_bytes!("../../../config/catalog/catalog.toml"),
        include_bytes!("../../../config/catalog/error-codes.csv"),
        include_bytes!("../../../config/catalog/scenarios.toml"),
        include_bytes!("../../../config/catalog/cases.toml"),
        include_bytes!("../../../config/catalog/requirement-providers.csv"),
    ];
    let files = std::array::from_fn(|at| (NAMES[at].to_owned(), Some(CONTENTS[at])));
    assemble(files, Findings::default())
}

pub(super) fn folder(dir: &Path) -> Result<Catalog, CatalogFaults> {
    let mut findings = Findings::default();
    if !dir.is_dir() {
        findings.add(
            &dir.display().to_string(),
            Place::File,
            "it is no folder that can be read",
            format!("name a folder with the files {}", NAMES.join(", ")),
        );
        return Err(findings.refuse());
    }
    let contents = NAMES.map(|name| {
        let path = dir.join(name);
        let shown = path.display().to_string();
        let content = read(&path).map_err(|(reason, remedy)| {
            findings.add(&shown, Place::File, reason, remedy);
        });
        (shown, content.ok())
    });
    let files = contents
        .each_ref()
        .map(|(name, content)| (name.clone(), content.as_deref()));
    assemble(files, findings)
}

/// The file's content, or why there is none and what to do.
fn read(path: &Path) -> Result<Vec<u8>, (String, String)> {
    const COPY: &str = "copy it from config/catalog of the release, and change it there";
    let refused = |error: &std::io::Error| (format!("it cannot be read: {error}"), COPY.to_owned());
    let kind = path.metadata().map_err(|error| refused(&error))?;
    // Opening a pipe would wait for its writer.
    if !kind.is_file() {
        return Err(("it is no file".to_owned(), COPY.to_owned()));
    }
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content))
        .map_err(|error| refused(&error))?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err((
            format!("it is larger than {MAX_FILE_BYTES} bytes"),
            "name the folder of a catalog".to_owned(),
        ));
    }
    Ok(content)
}

fn assemble(
    files: [Content; NAMES.len()],
    mut findings: Findings,
) -> Result<Catalog, CatalogFaults> {
    let [general, codes, scenarios, cases, providers] =
        files.map(|(name, content)| text(name, content?, &mut findings));
    let general = general
        .map(|(name, text)| scenarios::general(&name, text, &mut findings))
        .unwrap_or_default();
    let mut codes = codes
        .map(|(name, text)| table::codes(&name, text, &mut findings))
        .unwrap_or_default();
    let scenarios = scenarios
        .map(|(name, text)| scenarios::scenarios(&name, text, &mut findings))
        .unwrap_or_default();
    if let Some((name, text)) = cases {
        scenarios::cases(&name, text, &mut codes, &mut findings);
    }
    let requirement_providers = providers
        .map(|(name, text)| table::providers(&name, text, &mut findings))
        .unwrap_or_default();

    if !findings.is_empty() {
        return Err(findings.refuse());
    }
    match (
        Box::try_from(scenarios.into_boxed_slice()),
        general.support_ticket,
    ) {
        (Ok(scenarios), Some(support_ticket)) => Ok(Catalog {
            version: general.version,
            numbers: codes.sound.iter().map(|code| code.code).collect(),
            codes: codes.sound,
            scenarios,
            legacy_clients: general.legacy_clients,
            support_ticket,
            requirement_providers,
        }),
        // Every text that is missing is a finding, so this is not reached.
        _ => Err(findings.refuse()),
    }
}

/// The content as text, without the byte order mark that spreadsheets write.
fn text<'a>(name: String, content: &'a [u8], findings: &mut Findings) -> Option<(String, &'a str)> {
    match std::str::from_utf8(content) {
        Ok(text) => Some((name, text.trim_start_matches('\u{feff}'))),
        Err(error) => {
            let before = content.get(..error.valid_up_to()).unwrap_or_default();
            let line = String::from_utf8_lossy(before).matches('\n').count() + 1;
            findings.add(
                &name,
                Place::Line(line),
                "it is not UTF-8",
                "save it as UTF-8",
            );
            None
        }
    }
}
