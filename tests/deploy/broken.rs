//! Every file of `deploy/` has a tool or a structure that it is held against, and that refuses it
//! when it is broken. A file that is not in the table fails the test: it would be deployed unseen.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::azure;
use crate::chart::{BROKER, CHART, TEMPLATE};
use crate::systemd;
use crate::tools::{path, read, replaced, run};

/// Whether the file, which stands in a folder like its own, is taken; and what is said of it.
type Check = fn(folder: &Path, name: &str) -> (bool, String);

/// File, its check, what is replaced by what, and a word of the refusal.
#[rustfmt::skip]
const TABLE: &[(&str, Check, &str, &str, &str)] = &[
    ("alertmanager/alertmanager.yml", amtool, "receiver: tickets", "receiver: nobody", "nobody"),
    ("azure/main.bicep", bicep, "param users int", "parameter users int", "users"),
    ("azure/diagnoses-to-logs.bicep", bicep, "resource table '", "resources table '", "what statement"),
    ("azure/diagnoses.kql", kusto, ".create-merge table", ".create-merged table", "what command"),
    ("azure/diagnoses.kql", kusto, "},{\"column\"", "}{\"column\"", "no JSON"),
    ("azure/diagnostic-setting.bicep", bicep, "enabled: true", "enabled: true }", "closes nothing"),
    ("azure/export-policies.sh", shellcheck, "esac", "", "SC1"),
    ("azure/export-policies.sh", shellcheck, "[ -n \"$folder\" ]", "[ -n $folder ]", "SC2070"),
    ("compose/compose.yml", compose, "read_only: true", "readonly: true", "readonly"),
    ("compose/compose.yml", compose, "cap_drop: [ALL]", "cap_drop: ALL", "cap_drop"),
    ("compose/compose.yml", compose, "condition: service_healthy", "condition: healthy", "condition"),
    ("compose/prometheus.yml", promtool_config, "scrape_interval:", "scrape_every:", "scrape_every"),
    ("compose/service.toml", service, "bootstrap_servers", "servers", "kafka.servers"),
    ("compose/grafana/datasources.yml", data_sources, "access: proxy", "access: server", "server"),
    ("compose/grafana/datasources.yml", data_sources, "uid:", "id:", "uid"),
    ("compose/grafana/datasources.yml", data_sources, "datasources:", "dataSources:", "dataSources"),
    ("compose/grafana/dashboards.yml", providers, "path:", "folder:", "folder"),
    ("compose/grafana/dashboards.yml", providers, "apiVersion: 1", "apiVersion: 2", "apiVersion"),
    ("kubernetes/policy-export.yaml", manifests, "concurrencyPolicy:", "concurrency:", "CronJob"),
    ("kubernetes/policy-export.yaml", manifests, "accessModes: [ReadWriteMany]", "accessModes: ReadWriteMany", "PersistentVolumeClaim"),
    ("kubernetes/policy-export.yaml", manifests, "restartPolicy: Never", "restart: Never", "CronJob"),
    ("kubernetes/policy-export-values.yaml", values, "policy_snapshot:", "policy_snapshots:", "policy_snapshots"),
    ("kubernetes/policy-export.Dockerfile", hadolint, "USER 65532:65532", "USER root", "DL3002"),
    ("kubernetes/signin-diagnostics/Chart.yaml", helm, "apiVersion: v2", "apiVersion: v9", "apiVersion"),
    ("kubernetes/signin-diagnostics/values.yaml", helm, "replicas: 2", "replicas: one", "replicas"),
    ("kubernetes/signin-diagnostics/values.schema.json", helm, "\"integer\"", "\"int\"", "schema"),
    ("kubernetes/signin-diagnostics/templates/NOTES.txt", helm, "{{", "{{ nothing", "nothing"),
    ("kubernetes/signin-diagnostics/templates/_helpers.tpl", helm, "signin.labels", "signin.label", "signin.labels"),
    ("kubernetes/signin-diagnostics/templates/availability.yaml", helm, "maxUnavailable: 1", "maxUnavailable: []", "PodDisruptionBudget"),
    ("kubernetes/signin-diagnostics/templates/availability.yaml", helm, "policyTypes: [Ingress, Egress]", "policyTypes: Egress", "NetworkPolicy"),
    ("kubernetes/signin-diagnostics/templates/configmap.yaml", helm, "kind: ConfigMap", "kind: Config", "Config"),
    ("kubernetes/signin-diagnostics/templates/monitoring.yaml", helm, "podMetricsEndpoints", "podMetrics", "PodMonitor"),
    ("kubernetes/signin-diagnostics/templates/monitoring.yaml", helm, "groups: {{", "group: {{", "PrometheusRule"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm, "minReplicaCount: 1", "minReplicas: 1", "ScaledObject"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm, "threshold:", "treshold:", "metadata has no treshold"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm, "serverAddress:", "namespace:", "metadata lacks serverAddress"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm, "type: prometheus", "type: prometheuz", "no such scaler"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm_kafka, "offsetResetPolicy: earliest", "offsetResetPolicy: first", "offsetResetPolicy is first"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm_kafka, "consumerGroup:", "group:", "metadata has no group"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm_kafka, "parameter: username", "parameter: user", "no secret is called user"),
    ("kubernetes/signin-diagnostics/templates/scaling.yaml", helm_kafka, "authenticationRef:\n        name: {{", "authenticationRef:\n        name: x{{", "no TriggerAuthentication"),
    ("kubernetes/signin-diagnostics/templates/serviceaccount.yaml", helm, "kind: ServiceAccount", "kind: Account", "Account"),
    ("kubernetes/signin-diagnostics/templates/workload.yaml", helm, "readOnlyRootFilesystem: true", "readOnlyFilesystem: true", "Deployment"),
    ("prometheus/prometheus.yml", promtool_config, "rule_files:", "rules:", "rules"),
    ("prometheus/parameters.yml", promtool_config, "expr: vector(3)", "expr: vector(", "parse"),
    ("prometheus/recording.yml", promtool_config, "clamp_min(", "clamp_least(", "clamp_least"),
    ("prometheus/alerts.yml", promtool_config, "for: 2m", "for: two minutes", "duration"),
    ("prometheus/tests/faults.yml", promtool_tests, "eval_time: ", "evaluate: ", "evaluate"),
    ("prometheus/tests/first_day.yml", promtool_tests, "eval_time: ", "evaluate: ", "evaluate"),
    ("prometheus/tests/first_days.yml", promtool_tests, "eval_time: ", "evaluate: ", "evaluate"),
    ("prometheus/tests/pipeline.yml", promtool_tests, "eval_time: ", "evaluate: ", "evaluate"),
    ("prometheus/tests/sign_ins.yml", promtool_tests, "eval_time: ", "evaluate: ", "evaluate"),
    ("prometheus/tests/weeks.yml", promtool_tests, "eval_time: ", "evaluate: ", "evaluate"),
    ("prometheus/quality/alert_quality.py", python, "def main():", "def main()", "SyntaxError"),
    ("prometheus/quality/traffic.py", python, "class Tenant:", "class Tenant", "SyntaxError"),
    ("systemd/signin-diagnostics.service", unit, "Restart=on-failure", "Restart=sometimes", "restart specifier"),
    ("systemd/signin-diagnostics.service", unit, "ProtectSystem=strict", "ProtectSystems=strict", "ProtectSystems"),
    ("systemd/signin-diagnostics.service", unit, "SystemCallFilter=@system-service", "SystemCallFilter=@no-such-set", "no-such-set"),
];

/// Held against what they are copied from (`chart.rs`); by `tests/dashboards.rs`; what Helm leaves
/// out of a package.
const ELSEWHERE: [&str; 3] = [
    "kubernetes/signin-diagnostics/files/",
    "grafana/",
    "kubernetes/signin-diagnostics/.helmignore",
];

#[test]
fn every_file_is_taken_as_it_is_and_refused_when_broken() {
    let mut taken = BTreeSet::new();
    for (name, check, old, new, why) in TABLE {
        let (_root, folder) = copy_of(name);
        let file = folder.join(Path::new(name).file_name().expect("a name"));
        let place = file.file_name().and_then(|name| name.to_str());
        let place = place.expect("a plain name");
        // A chart is taken as a whole.
        let whole = name.split("/templates/").next().expect("a beginning");
        if taken.insert(whole.to_owned()) {
            let (is_taken, said) = check(&folder, place);
            assert!(is_taken, "{name}: {said}");
        }
        let text = fs::read_to_string(&file).expect("it is a text");
        fs::write(&file, replaced(&text, old, new)).expect("it can be written");
        let (is_taken, said) = check(&folder, place);
        assert!(!is_taken, "{name} is taken with {new:?}");
        assert!(said.contains(why), "{name}: {why:?} is not named:\n{said}");
    }
}

#[test]
fn no_file_is_left_out() {
    let mut files = BTreeSet::new();
    list(&path("deploy"), &mut files);
    let checked: BTreeSet<String> = TABLE.iter().map(|row| row.0.to_owned()).collect();
    files.retain(|name| {
        let is_page = Path::new(name).extension().is_some_and(|kind| kind == "md");
        !is_page && !ELSEWHERE.iter().any(|folder| name.starts_with(folder))
    });
    assert_eq!(files, checked);
}

fn list(folder: &Path, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let entry = entry.expect("it can be listed").path();
        if entry.is_dir() {
            list(&entry, files);
        } else {
            let inside = entry.strip_prefix(path("deploy")).expect("it is inside");
            files.insert(inside.to_string_lossy().into_owned());
        }
    }
}

/// A copy of what the file stands in: its chart, or its folder.
fn copy_of(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let root = tempfile::tempdir().expect("a folder");
    let mut whole = vec![Path::new(name).parent().expect("a folder").to_owned()];
    if name.starts_with("kubernetes/") {
        whole.push("kubernetes/signin-diagnostics".into());
    }
    if name.starts_with("prometheus/") || name == "compose/prometheus.yml" {
        whole.push("prometheus".into());
    }
    for folder in whole {
        let mut files = BTreeSet::new();
        list(&path("deploy").join(&folder), &mut files);
        for file in files {
            let target = root.path().join(&file);
            fs::create_dir_all(target.parent().expect("a folder")).expect("it can be made");
            fs::copy(path("deploy").join(&file), target).expect("it can be copied");
        }
    }
    let folder = root
        .path()
        .join(Path::new(name).parent().expect("a folder"));
    (root, folder)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

fn amtool(folder: &Path, name: &str) -> (bool, String) {
    run("amtool", &["check-config", text(&folder.join(name))])
}

fn bicep(folder: &Path, name: &str) -> (bool, String) {
    let source = fs::read_to_string(folder.join(name)).expect("it is a text");
    let faults = azure::structural_faults(&source);
    (faults.is_empty(), faults.join("\n"))
}

fn kusto(folder: &Path, name: &str) -> (bool, String) {
    let source = fs::read_to_string(folder.join(name)).expect("it is a text");
    let faults = azure::faults_of_commands(&source);
    (faults.is_empty(), faults.join("\n"))
}

fn shellcheck(folder: &Path, name: &str) -> (bool, String) {
    run("shellcheck", &[text(&folder.join(name))])
}

fn validated(kind: &str, file: &Path) -> (bool, String) {
    run("python3", &["tests/deploy/validate.py", kind, text(file)])
}

fn manifests(folder: &Path, name: &str) -> (bool, String) {
    validated("manifests", &folder.join(name))
}

/// The chart takes them, beside what it has to be given.
fn values(folder: &Path, name: &str) -> (bool, String) {
    let file = folder.join(name);
    let given = ["--set", BROKER, "--values", text(&file)];
    run("helm", &[&TEMPLATE[..], &given].concat())
}

fn hadolint(folder: &Path, name: &str) -> (bool, String) {
    run("hadolint", &[text(&folder.join(name))])
}

fn compose(folder: &Path, name: &str) -> (bool, String) {
    validated("compose", &folder.join(name))
}

fn data_sources(folder: &Path, name: &str) -> (bool, String) {
    validated("datasources", &folder.join(name))
}

fn providers(folder: &Path, name: &str) -> (bool, String) {
    validated("providers", &folder.join(name))
}

/// The rules stand beside the configuration in a container too.
fn promtool_config(folder: &Path, name: &str) -> (bool, String) {
    if folder.ends_with("compose") {
        for rules in ["parameters", "recording", "alerts"] {
            let rules = format!("{rules}.yml");
            let original = folder.join("../prometheus").join(&rules);
            fs::copy(original, folder.join(&rules)).expect("it can be copied");
        }
    }
    let config = if name == "prometheus.yml" {
        name
    } else {
        "prometheus.yml"
    };
    run("promtool", &["check", "config", text(&folder.join(config))])
}

fn promtool_tests(folder: &Path, name: &str) -> (bool, String) {
    // As they are, they pass in tests/alerts.rs, which takes a minute.
    let file = folder.join(name);
    let source = fs::read_to_string(&file).expect("it is a text");
    if source == read(&format!("deploy/prometheus/tests/{name}")) {
        return (true, String::new());
    }
    run("promtool", &["test", "rules", text(&file)])
}

fn service(folder: &Path, name: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(["check", "--config", text(&folder.join(name))])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

fn python(folder: &Path, name: &str) -> (bool, String) {
    run("python3", &["-m", "py_compile", text(&folder.join(name))])
}

/// Linted, and rendered with everything, whose objects the schemas know.
fn helm(folder: &Path, _name: &str) -> (bool, String) {
    chart_with(
        folder,
        "keda.enabled=true,podMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true",
    )
}

/// The same with the other scaler.
fn helm_kafka(folder: &Path, _name: &str) -> (bool, String) {
    chart_with(
        folder,
        "keda.enabled=true,keda.scaler=kafka,keda.kafka.secretName=event-hubs,\
         config.kafka.security.mechanism=plain,config.kafka.security.identity=",
    )
}

fn chart_with(folder: &Path, set: &str) -> (bool, String) {
    let chart = folder
        .ancestors()
        .find(|folder| folder.join("values.yaml").exists());
    let chart = text(chart.expect("it is in a chart"));
    let set = format!("{BROKER},{set}");
    let (is_fine, said) = run("helm", &["lint", "--strict", chart, "--set", &set]);
    if !is_fine {
        return (false, said);
    }
    let template: Vec<&str> = TEMPLATE
        .iter()
        .map(|word| if *word == CHART { chart } else { *word })
        .collect();
    let (is_fine, manifests) = run("helm", &[&template[..], &["--set", &set]].concat());
    if !is_fine {
        return (false, manifests);
    }
    let file = Path::new(chart).with_extension("manifests.yaml");
    fs::write(&file, manifests).expect("it can be written");
    validated("manifests", &file)
}

fn unit(folder: &Path, name: &str) -> (bool, String) {
    let source = fs::read_to_string(folder.join(name)).expect("it is a text");
    systemd::verified(&source)
}
