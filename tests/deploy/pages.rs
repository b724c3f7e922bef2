//! The commands of the pages that lead through a deployment: parsed by the shell, and those of this
//! repository's own files carried out as far as that goes without a cluster or a subscription.
use std::collections::BTreeSet;
use std::process::Command;

use crate::tools::{file, path, read, refuses, succeeds};

const PAGES: [&str; 5] = [
    "docs/getting-started.md",
    "docs/upgrading.md",
    "deploy/compose/README.md",
    "deploy/kubernetes/README.md",
    "deploy/azure/README.md",
];

/// The blocks of shell commands.
fn commands(page: &str) -> Vec<String> {
    let text = read(page);
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().expect("a beginning").to_owned())
        .collect()
}

#[test]
fn the_shell_parses_every_command() {
    let mut count = 0;
    for page in PAGES {
        for block in commands(page) {
            let (_folder, script) = file("commands", &block);
            succeeds("bash", &["-n", &script]);
            count += 1;
        }
    }
    assert!(count >= 9, "{count} blocks");
    let (_folder, broken) = file("commands", "az group create --name \"x\n");
    refuses("bash", &["-n", &broken], "unexpected EOF");
}

/// Every path of the repository that a command or a quoted word names.
#[test]
fn the_files_that_commands_name_are_there() {
    for page in PAGES {
        for word in commands(page).join(" ").split_whitespace() {
            let name = word.trim_matches(|c| "\"'`()".contains(c));
            if name.starts_with("deploy/") || name.starts_with("docs/") {
                assert!(path(name).exists(), "{page}: {name}");
            }
        }
    }
}

/// The chart takes the values of the page: Helm renders it with each of them.
#[test]
fn the_helm_command_of_the_page_renders() {
    let blocks = commands("docs/getting-started.md").join("\n");
    let (_, helm) = blocks.split_once("helm upgrade").expect("it is there");
    let (helm, _) = helm.split_once("\nkubectl").expect("it ends");
    let mut arguments = vec![
        "template",
        "signin-diagnostics",
        "deploy/kubernetes/signin-diagnostics",
    ];
    arguments.extend(["--kube-version", "1.34.0"]);
    let sets = helm.split("--set ").skip(1);
    let sets: Vec<String> = sets
        .map(|set| set.split([' ', '\n']).next().expect("a word"))
        .map(|set| {
            let (key, value) = set.split_once('=').expect("key=value");
            let value = if value.starts_with('"') {
                "contoso"
            } else {
                value
            };
            format!("{key}={value}")
        })
        .collect();
    assert!(sets.len() >= 7, "{sets:?}");
    for set in &sets {
        arguments.extend(["--set", set]);
    }
    let manifests = succeeds("helm", &arguments);
    // The names that the other commands of the page use.
    assert!(manifests.contains("\nkind: Deployment\nmetadata:\n  name: signin-diagnostics\n"));
    let template = read("deploy/azure/main.bicep");
    assert!(
        template
            .contains("param aksServiceAccount string = 'signin-diagnostics:signin-diagnostics'")
    );
}

/// Outputs and parameters that the commands name are those of the templates.
#[test]
fn the_templates_have_the_parameters_and_outputs_of_the_page() {
    let page = read("docs/getting-started.md");
    let templates =
        read("deploy/azure/main.bicep") + &read("deploy/azure/diagnostic-setting.bicep");
    for rest in page.split("$(output ").skip(1) {
        let name = rest.split(')').next().expect("a name");
        assert!(templates.contains(&format!("\noutput {name} ")), "{name}");
    }
    for line in commands("docs/getting-started.md").join("\n").lines() {
        let Some(parameters) = line.trim().strip_prefix("--parameters ") else {
            continue;
        };
        for word in parameters
            .split(' ')
            .filter_map(|word| word.split_once('='))
        {
            let name = word.0;
            if name.chars().all(char::is_alphanumeric) {
                assert!(templates.contains(&format!("\nparam {name} ")), "{name}");
            }
        }
    }
}

/// The commands of the program that pages, charts and units name are commands that it has.
#[test]
fn every_command_of_the_program_is_one() {
    let help = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .arg("--help")
        .output()
        .expect("it starts");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut named = BTreeSet::new();
    for page in PAGES {
        let text = read(page);
        for rest in text.split("/signin-diagnostics ").skip(1) {
            let word = rest.split([' ', '`', '\n']).next().expect("a word");
            named.insert(word.to_owned());
        }
    }
    assert!(
        named.contains("check") && named.contains("healthcheck"),
        "{named:?}"
    );
    for word in named
        .iter()
        .filter(|word| word.chars().all(char::is_lowercase))
    {
        assert!(help.contains(&format!("\n  {word} ")), "{word}");
    }
}

#[test]
fn the_metrics_of_the_pages_exist() {
    let golden = read("tests/golden/metrics.txt");
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words
            .filter(|word| word.starts_with("signin_"))
            .map(ToOwned::to_owned)
            .collect()
    };
    let exposed = words(&golden);
    for page in PAGES {
        for name in words(&read(page)) {
            assert!(exposed.contains(&name), "{page}: {name}");
        }
    }
}
