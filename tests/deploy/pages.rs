//! The commands of the pages that lead through a deployment: parsed by the shell, and those of this
//! repository's own files carried out as far as that goes without a cluster or a subscription.
use std::collections::BTreeSet;
use std::process::Command;

use crate::tools::{file, path, read, refuses, replaced, succeeds};

pub const PAGES: [&str; 6] = [
    "docs/getting-started.md",
    "docs/policy-snapshot.md",
    "docs/upgrading.md",
    "deploy/compose/README.md",
    "deploy/kubernetes/README.md",
    "deploy/azure/README.md",
];

/// The blocks of shell commands.
pub fn commands(page: &str) -> Vec<String> {
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

/// Structure only, as the Azure CLI is too large to install for it: what `az_commands.py` tells.
#[test]
fn the_az_commands_have_arguments_that_az_takes_and_variables_that_the_page_sets() {
    let checker = "tests/deploy/az_commands.py";
    for page in ["docs/getting-started.md", "docs/policy-snapshot.md"] {
        succeeds("python3", &[checker, page]);
    }
    let page = read("docs/getting-started.md");
    for (old, new, why) in [
        ("--metrics Inc", "--metric Inc", "--metric is no option"),
        (" --sku Basic", "", "--sku is missing"),
        ("az acr login", "az acr log-in", "not a command"),
        ("--tail 50", "--tail \"50", "No closing quotation"),
        ("ADX_GROUP=analytics", "", "$ADX_GROUP is not set"),
    ] {
        let (_folder, broken) = file("page.md", &replaced(&page, old, new));
        refuses("python3", &[checker, &broken], why);
    }
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
    let templates = ["main", "diagnostic-setting", "diagnoses-to-logs"]
        .map(|name| read(&format!("deploy/azure/{name}.bicep")));
    let templates = templates.join("\n");
    for rest in page.split("$(output ").skip(1) {
        let name = rest.split(')').next().expect("a name");
        assert!(templates.contains(&format!("\noutput {name} ")), "{name}");
    }
    let mut count = 0;
    for line in commands("docs/getting-started.md").join("\n").lines() {
        let given = ["--parameters ", "parameters=(", "parameters+=("];
        let Some(given) = given.iter().find_map(|begin| line.split_once(begin)) else {
            continue;
        };
        for (name, _) in given.1.split(' ').filter_map(|word| word.split_once('=')) {
            if name.chars().all(char::is_alphanumeric) {
                assert!(templates.contains(&format!("\nparam {name} ")), "{name}");
                count += 1;
            }
        }
    }
    assert!(count >= 11, "{count}");
    for name in [
        "roleScope=hubs",
        "roleScope=namespace",
        "captureDays",
        "logDays",
    ] {
        assert!(page.contains(name), "{name}");
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
