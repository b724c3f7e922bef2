//! The Helm chart: rendered by Helm in each of its shapes, and every object that comes out held
//! against the schema of its kind.
use std::env;
use std::fs;
use std::process::Command;

use crate::chart_schema::settings;
use crate::tools::{file, path, read, refuses, succeeds};

pub const CHART: &str = "deploy/kubernetes/signin-diagnostics";
pub const BROKER: &str = "config.kafka.bootstrap_servers=contoso.servicebus.windows.net:9093";

const EVERYTHING: &[&str] = &[
    "podMonitor.enabled=true",
    "prometheusRule.enabled=true",
    "dashboards.enabled=true",
    "keda.enabled=true",
];

/// The version that the chart is rendered for: a Helm that was built from source knows none.
pub const TEMPLATE: [&str; 5] = ["template", "signin", CHART, "--kube-version", "1.34.0"];

/// The chart with settings as `helm --set` takes them.
fn rendered(set: &[&str]) -> String {
    let mut arguments = TEMPLATE.to_vec();
    arguments.extend(["--namespace", "identity"]);
    for setting in [BROKER].iter().chain(set) {
        arguments.extend(["--set", setting]);
    }
    succeeds("helm", &arguments)
}

/// Helm refuses the setting, and says why.
fn helm_refuses(set: &str, why: &str) {
    let set = ["--set", BROKER, "--set", set];
    refuses("helm", &[&TEMPLATE[..], &set].concat(), why);
}

fn is_valid(manifests: &str) {
    let (_folder, file) = file("manifests.yaml", manifests);
    succeeds("python3", &["tests/deploy/validate.py", "manifests", &file]);
}

#[test]
fn helm_lint_finds_nothing() {
    succeeds("helm", &["lint", "--strict", CHART, "--set", BROKER]);
}

#[test]
fn every_shape_of_the_chart_renders_objects_that_their_schemas_know() {
    let shapes: &[&[&str]] = &[
        &[],
        EVERYTHING,
        &[
            "config.delivery.mode=exactly_once",
            "keda.enabled=true",
            "keda.prometheus.query=sum(lag)",
        ],
        &[
            "config.kafka.instance_id=pod",
            "podDisruptionBudget.enabled=false",
            "networkPolicy.enabled=false",
            "serviceAccount.create=false",
        ],
        &[
            "keda.enabled=true",
            "keda.scaler=kafka",
            "config.kafka.security.mechanism=plain",
            "config.kafka.security.identity=",
            "keda.kafka.secretName=event-hubs",
            "secrets.kafka\\.security\\.connection_string_file.name=event-hubs",
            "secrets.kafka\\.security\\.connection_string_file.key=connection-string",
        ],
    ];
    for shape in shapes {
        is_valid(&rendered(shape));
    }
    let scram = rendered(&[
        "keda.enabled=true",
        "keda.scaler=kafka",
        "keda.kafka.secretName=kafka",
        "config.kafka.security.protocol=sasl_plaintext",
        "config.kafka.security.mechanism=scram-sha-512",
        "config.kafka.security.identity=",
    ]);
    assert!(scram.contains("sasl: scram_sha512\n") && scram.contains("tls: disable\n"));
    let all = rendered(EVERYTHING);
    for kind in [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "ScaledObject",
        "ServiceAccount",
    ] {
        assert!(all.contains(&format!("\nkind: {kind}\n")), "no {kind}");
    }
}

#[test]
fn values_that_cannot_work_are_refused_with_a_reason() {
    helm_refuses("config.input.topic=sign-ins", "topic");
    helm_refuses("config.workers=0", "workers");
    helm_refuses("config.kafka.security.password=hunter2", "password");
    helm_refuses("config.delivery.drain_timeout=20", "drain_timeout");
    helm_refuses("keda.scaler=lag", "scaler");
    helm_refuses("replica=2", "replica");
    helm_refuses("networkPolicy.ports=null", "networkPolicy.ports is empty");
    helm_refuses(
        "networkPolicy.scrapers=null",
        "networkPolicy.scrapers is empty",
    );
    helm_refuses("keda.enabled=true", "set podMonitor.enabled");
    helm_refuses(
        "keda.enabled=true,keda.scaler=kafka,keda.kafka.secretName=s",
        "signs in with user name and password only",
    );
    helm_refuses(
        "podMonitor.enabled=true,prometheusRule.enabled=true,prometheusRule.parameters.block_spike=2",
        "there is no such parameter",
    );
    helm_refuses(
        "prometheusRule.enabled=true",
        "set podMonitor.enabled, or prometheusRule.job",
    );
    helm_refuses(
        "prometheusRule.enabled=true,prometheusRule.job=a'b",
        "has characters other than",
    );
    refuses("helm", &TEMPLATE, "config.kafka.bootstrap_servers is empty");
}

/// The settings file of the `ConfigMap`.
fn service_toml(manifests: &str) -> String {
    let (_, rest) = manifests
        .split_once("service.toml: |\n")
        .expect("it is there");
    let lines = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    lines
        .map(|line| line.trim_start().to_owned() + "\n")
        .collect()
}

/// What the service says of the settings of the `ConfigMap`.
fn checked(manifests: &str) -> (bool, String) {
    let (_folder, config) = file("service.toml", &service_toml(manifests));
    let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(["check", "--config", &config])
        .env("AZURE_TENANT_ID", "7c0e1a52-6f3b-4d8e-9a41-2b5d8c6e0f13")
        .env("AZURE_CLIENT_ID", "7c0e1a52-6f3b-4d8e-9a41-2b5d8c6e0f14")
        .env("AZURE_FEDERATED_TOKEN_FILE", path("Cargo.toml"))
        .output()
        .expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn the_service_takes_the_settings_that_the_chart_writes() {
    let (is_taken, said) = checked(&rendered(&[]));
    assert!(is_taken, "{said}");
}

/// Pods listen where probes and scrapes look, also where another port is set.
#[test]
fn the_port_is_that_of_the_settings() {
    let manifests = rendered(&["config.telemetry.listen=0.0.0.0:8080"]);
    assert!(manifests.contains("containerPort: 8080 }"));
    let settings: toml::Table = service_toml(&manifests).parse().expect("it is TOML");
    assert_eq!(settings["telemetry"]["listen"], "0.0.0.0:8080".into());
    assert!(!manifests.contains("SIGNIN_DIAGNOSTICS__TELEMETRY"));
}

#[test]
fn the_topics_are_those_of_the_overlay_for_event_hubs() {
    let topics = |toml: &str| {
        let table: toml::Table = toml.parse().expect("it is TOML");
        table["input"]["topics"].clone()
    };
    assert_eq!(
        topics(&service_toml(&rendered(&[]))),
        topics(&read("config/event-hubs.toml"))
    );
}

/// Each setting, at its default, by the chart: what Helm lets through as a value, the service reads.
#[test]
fn every_setting_of_the_service_goes_through_the_chart() {
    let (all, _) = settings();
    let mut config = serde_json::json!({});
    for setting in all.iter().filter(|setting| !setting.is_secret()) {
        let value = serde_json::to_value(&setting.default).expect("it is JSON");
        let place = setting
            .key
            .split('.')
            .fold(&mut config, |place, part| &mut place[part]);
        *place = value;
    }
    for (key, value) in [
        (
            "kafka",
            serde_json::json!({ "bootstrap_servers": "broker:9092",
            "properties": { "socket.timeout.ms": 70000, "client.rack": "a" } }),
        ),
        (
            "input",
            serde_json::json!({ "topics": ["a", "b"], "group_id": "g" }),
        ),
        (
            "output",
            serde_json::json!({ "topic": "out", "queue_messages": 10_000_000 }),
        ),
        (
            "dead_letter",
            serde_json::json!({ "topic": "dead", "max_ratio": 0.25 }),
        ),
        (
            "watch",
            serde_json::json!({ "emergency": { "users": ["a@b.c", "d@e.f"] } }),
        ),
    ] {
        for (name, value) in value.as_object().expect("an object") {
            config[key][name] = value.clone();
        }
    }
    config["workers"] = 3.into();
    let (_folder, values) = file(
        "values.json",
        &serde_json::json!({ "config": config }).to_string(),
    );
    let manifests = succeeds("helm", &[&TEMPLATE[..], &["--values", &values]].concat());
    let written: toml::Table = service_toml(&manifests).parse().expect("it is TOML");
    let expected: toml::Table = toml::Table::try_from(&config).expect("it is TOML");
    // The chart's own values stand beside: each setting that was given is there as it was given.
    for setting in all.iter().filter(|setting| !setting.is_secret()) {
        let found = |table: &toml::Table| {
            let mut parts = setting.key.split('.');
            let first = table.get(parts.next()?)?;
            parts
                .try_fold(first, |value, part| value.get(part))
                .cloned()
        };
        assert_eq!(found(&written), found(&expected), "{}", setting.key);
    }
    assert_eq!(
        written["kafka"]["properties"]["socket.timeout.ms"],
        70_000.into()
    );
    let (is_taken, said) = checked(&manifests);
    assert!(is_taken, "{said}\n{}", service_toml(&manifests));
}

/// A secret is a file, and its setting names it.
#[test]
fn every_secret_is_mounted_and_named() {
    let (all, _) = settings();
    for setting in all.iter().filter(|setting| setting.is_file()) {
        let escaped = setting.key.replace('.', "\\.");
        let manifests = rendered(&[
            &format!("secrets.{escaped}.name=the-secret"),
            &format!("secrets.{escaped}.key=the-key"),
        ]);
        let line = format!(
            "{} = \"/run/secrets/signin-diagnostics/{}\"",
            setting.key, setting.key
        );
        assert!(service_toml(&manifests).contains(&line), "{}", setting.key);
        assert!(manifests.contains(
            "{ name: secrets, mountPath: /run/secrets/signin-diagnostics, readOnly: true }"
        ));
        assert!(
            manifests.contains(&format!("path: \"{}\"", setting.key)),
            "{}",
            setting.key
        );
    }
    for secret in all.iter().filter(|setting| setting.is_secret()) {
        let file = format!("{}_file", secret.key);
        assert!(
            all.iter().any(|setting| setting.key == file),
            "{} has no {file}, so the chart cannot hand it in",
            secret.key
        );
    }
}

#[test]
fn the_grace_period_is_longer_than_the_drain() {
    for (drain, seconds) in [
        ("20s", 30),
        ("1m", 70),
        ("1500ms", 12),
        ("1.5m", 100),
        ("4m", 250),
    ] {
        let manifests = rendered(&[&format!("config.delivery.drain_timeout={drain}")]);
        let line = format!("terminationGracePeriodSeconds: {seconds}\n");
        assert!(manifests.contains(&line), "{drain}");
    }
}

#[test]
fn replicas_have_stable_names_where_the_settings_need_them() {
    assert!(rendered(&[]).contains("\nkind: Deployment\n"));
    let exactly_once = rendered(&["config.delivery.mode=exactly_once"]);
    assert!(exactly_once.contains("\nkind: StatefulSet\n"));
    assert!(exactly_once.contains("value: $(POD_NAME)\n"));
    let member = rendered(&["config.kafka.instance_id=sign-ins"]);
    assert!(member.contains("\nkind: StatefulSet\n"));
    assert!(member.contains("value: sign-ins-$(POD_NAME)\n"));
}

#[test]
fn no_more_replicas_are_wanted_than_partitions_can_keep_busy() {
    for (partitions, workers, most) in [(8, 2, 4), (9, 2, 4), (1, 4, 1)] {
        let manifests = rendered(&[
            "keda.enabled=true",
            "podMonitor.enabled=true",
            &format!("keda.partitions={partitions}"),
            &format!("config.workers={workers}"),
        ]);
        assert!(
            manifests.contains(&format!("maxReplicaCount: {most}\n")),
            "{partitions}"
        );
        assert!(!manifests.contains("\n  replicas:"), "KEDA's own");
    }
}

/// The restricted level of Kubernetes' Pod Security Standards.
#[test]
fn the_pod_is_restricted() {
    let manifests = rendered(&[]);
    for line in [
        "runAsNonRoot: true",
        "seccompProfile: { type: RuntimeDefault }",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        "capabilities: { drop: [ALL] }",
        "automountServiceAccountToken: false",
    ] {
        assert!(manifests.contains(line), "{line}");
    }
    for forbidden in ["hostNetwork", "hostPath", "privileged", "hostPID"] {
        assert!(!manifests.contains(forbidden), "{forbidden}");
    }
    assert!(manifests.contains("azure.workload.identity/use: \"true\""));
    let by_key = rendered(&["config.kafka.security.identity=managed"]);
    assert!(!by_key.contains("azure.workload.identity/use"));
}

#[test]
fn thresholds_and_the_address_of_the_runbooks_can_be_set() {
    let manifests = rendered(&[
        "podMonitor.enabled=true",
        "prometheusRule.enabled=true",
        "prometheusRule.runbookBase=https://wiki.contoso.com/runbooks",
        "prometheusRule.parameters.block_spike_factor=7",
        "prometheusRule.parameters.block_spike_excess/1h=77",
    ]);
    assert!(manifests.contains("url: https://wiki.contoso.com/runbooks\n"));
    assert!(manifests.contains("expr: vector(7)\n"));
    assert_eq!(manifests.matches("expr: vector(77)\n").count(), 1);
}

/// The rules of a rendered chart, as Prometheus loads them.
fn rules(manifests: &str) -> String {
    let (_, object) = manifests
        .split_once("\nkind: PrometheusRule\n")
        .expect("there are rules");
    let object = object.split("\n---").next().unwrap_or_default();
    let (_, groups) = object.split_once("\n  groups:").expect("in groups");
    format!("groups:{groups}\n")
}

/// One Prometheus sees both, each with a threshold and runbooks of its own.
#[test]
fn the_rules_of_two_releases_do_not_mix() {
    let (folder, tests) = file("tests.yml", TWO_RELEASES);
    for (release, factor) in [("one", "3"), ("two", "30")] {
        let text = rules(&rendered(&[
            "prometheusRule.enabled=true",
            &format!("prometheusRule.job={release}"),
            &format!("prometheusRule.runbookBase=https://{release}.example"),
            &format!("prometheusRule.parameters.block_spike_factor={factor}"),
        ]));
        fs::write(folder.path().join(format!("{release}.yml")), text).expect("it can be written");
    }
    for rules in ["one.yml", "two.yml"] {
        let rules = folder.path().join(rules);
        succeeds(
            "promtool",
            &["check", "rules", rules.to_str().expect("a plain name")],
        );
    }
    succeeds("promtool", &["test", "rules", &tests]);

    // Without a job given it is the one that the operator gives the series of the podMonitor.
    let all = rendered(EVERYTHING);
    assert!(rules(&all).contains("job='identity/signin-signin-diagnostics'"));
    assert!(all.contains("{job=\\\"identity/signin-signin-diagnostics\\\"}"));
}

/// The same spike in both, and an instance that is gone in one of them.
const TWO_RELEASES: &str = r#"
rule_files: [one.yml, two.yml]
evaluation_interval: 5m
group_eval_order: [signin_parameters, signin_recording, signin_alerts, signin_pipeline_alerts]
tests:
  - interval: 5m
    input_series:
      - series: 'signin_diagnoses_total{job="one",instance="a",category="SignInLogs",scenario="successful_sign_in",outcome="succeeded"}'
        values: '0+192x30'
      - series: 'signin_blocks_first_total{job="one",instance="a",category="SignInLogs",scenario="blocked_by_conditional_access"}'
        values: '0+8x18 224+80x11'
      - series: 'signin_diagnoses_total{job="two",instance="a",category="SignInLogs",scenario="successful_sign_in",outcome="succeeded"}'
        values: '0+192x30'
      - series: 'signin_blocks_first_total{job="two",instance="a",category="SignInLogs",scenario="blocked_by_conditional_access"}'
        values: '0+8x18 224+80x11'
      - series: 'signin_build_info{job="two",instance="a",version="1"}'
        values: '1x12 _x18'
    alert_rule_test:
      - alertname: SigninBlockSpikeInteractive
        eval_time: 1h45m
        exp_alerts:
          - exp_labels: { job: one, category: SignInLogs, signal: conditional_access_block, severity: critical, concern: sign_ins }
            exp_annotations:
              summary: '312 sign-ins of people newly blocked by Conditional Access in an hour, up to 5.9 times the usual share (one, SignInLogs)'
              description: 'Usually they are at most 5% of the sign-ins that come to a decision. No policy is known to have decided them (see the runbook). '
              policies: /graph?g0.expr=topk%2810%2C+signin%3Asignal%3Aby_policy30m%7Bjob%3D%27one%27%2Cjob%3D%22one%22%2Csignal%3D%22conditional_access_block%22%7D%29&g0.tab=1
              applications: /graph?g0.expr=topk%2810%2C+signin%3Asignal%3Aby_application30m%7Bjob%3D%27one%27%2Cjob%3D%22one%22%2Csignal%3D%22conditional_access_block%22%7D%29&g0.tab=1
              runbook_url: https://one.example/SigninBlockSpikeInteractive.md
      - alertname: SigninDown
        eval_time: 1h45m
        exp_alerts:
          - exp_labels: { job: two, severity: critical, concern: pipeline }
            exp_annotations:
              summary: 'No instance of two answers Prometheus'
              description: 'Sign-ins are not diagnosed, and the alerts on sign-ins are blind, until one does.'
              runbook_url: https://two.example/SigninDown.md
"#;

/// What the job writes is what the service reads: the volume, its place, and the group that may.
#[test]
fn the_service_reads_the_snapshot_that_the_job_exports() {
    let job = read("deploy/kubernetes/policy-export.yaml");
    let values = "deploy/kubernetes/policy-export-values.yaml";
    let arguments = ["--set", BROKER, "--values", values];
    let manifests = succeeds("helm", &[&TEMPLATE[..], &arguments].concat());
    is_valid(&manifests);
    let settings: toml::Table = service_toml(&manifests).parse().expect("it is TOML");
    let folder = settings["policy_snapshot"]["path"].as_str();
    let folder = folder.expect("a text");
    assert!(job.contains(&format!("exec export-policies.sh {folder}\n")));
    let parent = folder.rsplit_once('/').expect("it is in a folder").0;
    assert!(job.contains(&format!("{{ name: policies, mountPath: {parent} }}\n")));
    assert!(manifests.contains(&format!("mountPath: {parent}\n")));
    for text in [&job, &manifests] {
        assert!(text.contains("claimName: signin-policies"));
        for id in [
            "runAsUser: 65532\n",
            "runAsGroup: 65532\n",
            "fsGroup: 65532\n",
        ] {
            assert!(text.contains(id), "{id}");
        }
    }
    // The export is renewed before it is old, and its rights are not those of the service.
    assert!(job.contains("schedule: \"17 */6 * * *\"\n"));
    assert_eq!(settings["policy_snapshot"]["max_age"], "48h".into());
    assert!(job.contains("serviceAccountName: signin-policy-export\n"));
}

/// Helm reads no file outside of its chart, and a link would be lost in a package.
#[test]
fn rules_and_dashboards_are_those_of_deploy() {
    for (original, copy) in [
        ("prometheus/parameters.yml", "parameters.yml"),
        ("prometheus/recording.yml", "recording.yml"),
        ("prometheus/alerts.yml", "alerts.yml"),
        ("grafana/sign-ins.json", "sign-ins.json"),
        ("grafana/pipeline.json", "pipeline.json"),
    ] {
        let text = read(&format!("deploy/{original}"));
        let copy = format!("{CHART}/files/{copy}");
        if env::var_os("BLESS").is_some() {
            fs::write(path(&copy), &text).expect("it can be written");
        }
        assert!(
            fs::read_to_string(path(&copy)).unwrap_or_default() == text,
            "{copy} is not deploy/{original}; copy it with: BLESS=1 cargo test --test deploy chart"
        );
    }
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart = read(&format!("{CHART}/Chart.yaml"));
    for key in ["version", "appVersion"] {
        assert!(
            chart.contains(&format!("\n{key}: {}\n", env!("CARGO_PKG_VERSION"))),
            "{key}"
        );
    }
}
