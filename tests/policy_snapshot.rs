//! The policy snapshot from the outside: what the export script writes is what the program reads,
//! and the running service takes over a new one. By the built program, without a broker.
#![allow(clippy::expect_used)]
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use signin_diagnostics::policies::{Answer, Facts, Limits, PolicySnapshot};
use signin_diagnostics::signin::Condition;
use tempfile::TempDir;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policies");
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/deploy/azure/export-policies.sh"
);
const TENANT: &str = "7c0e1a52-6f3b-4d8e-9a41-2b5d8c6e0f13";

/// Two looks at the folder and a load take less than 5 s on an idle machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// Answers as Microsoft Graph does, from files of the fixture; notes each address it is asked for.
const AZ: &str = r##"#!/usr/bin/env bash
set -eu
if [ "$1 $2" = "account show" ]; then
  echo "$TENANT"
  exit
fi
while [ "$1" != --url ]; do shift; done
url=$2
echo "$url" >>"$FAKE/asked"
if [ -n "${FORBIDDEN-}" ] && [[ $url == *"$FORBIDDEN"* ]]; then
  echo 'ERROR: Forbidden({"error":{"code":"Authorization_RequestDenied"}})' >&2
  exit 1
fi
if [ -n "${GONE-}" ] && [[ $url == *"$GONE"* ]]; then
  echo 'ERROR: Not Found({"error":{"code":"Request_ResourceNotFound"}})' >&2
  exit 1
fi
if [ -n "${BUSY-}" ] && [[ $url == *"$BUSY"* ]] && { [ "$BUSY" = / ] || [ "$(grep -cF "$BUSY" "$FAKE/asked")" -le 2 ]; }; then
  echo 'ERROR: Too Many Requests({"error":{"code":"TooManyRequests"}})' >&2
  exit 1
fi
finance=00000000-0000-4000-8000-000000000011
hidden=00000000-0000-4000-8000-000000000012
case $url in
  */conditionalAccess/policies) cat "$FAKE/policies.1" ;;
  */conditionalAccess/policies\?*skiptoken=2) cat "$FAKE/policies.2" ;;
  */namedLocations) cat "$FIXTURE/namedLocations.json" ;;
  */authenticationStrengthPolicies) cat "$FIXTURE/authenticationStrengths.json" ;;
  */groups/$finance/transitiveMembers\?*skiptoken=2)
    echo '{"value":[{"@odata.type":"#microsoft.graph.group","id":"00000000-0000-4000-8000-000000000014"},
      {"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000003"}]}' ;;
  */groups/$finance/transitiveMembers*)
    echo '{"value":[{"@odata.type":"#microsoft.graph.user","id":"00000000-0000-4000-8000-000000000002"}],
      "@odata.nextLink":"https://graph.microsoft.com/v1.0/groups/'$finance'/transitiveMembers?$skiptoken=2"}' ;;
  */groups/$hidden\?*)
    echo '{"id":"'$hidden'","displayName":"Emergency access","visibility":"HiddenMembership"}' ;;
  */groups/$hidden/transitiveMembers*) echo '{"value":[]}' ;;
  */groups/$finance\?*) echo '{"id":"'$finance'","displayName":"Finance"}' ;;
  */roleDefinitions*) cat "$FAKE/roles.1" ;;
  */roleAssignments*) cat "$FAKE/roles.2" ;;
  *"/servicePrincipals(appId='00000000-0000-4000-8000-000000000031')"*)
    echo '{"id":"00000000-0000-4000-8000-000000000051","appId":"00000000-0000-4000-8000-000000000031","displayName":"Payroll"}' ;;
  *)
    echo 'ERROR: Not Found({"error":{"code":"Request_ResourceNotFound"}})' >&2
    exit 1 ;;
esac
"##;

/// Takes no time, and notes how much it was asked for.
const SLEEP: &str = "#!/usr/bin/env bash\necho \"$1\" >>\"$FAKE/slept\"\n";

/// A folder with the stand-ins for `az` and `sleep`, and the place of the export.
struct Graph(TempDir);

impl Graph {
    fn new() -> Graph {
        let folder = TempDir::with_prefix("signin-diagnostics-graph-").expect("a folder");
        for (name, script) in [("az", AZ), ("sleep", SLEEP)] {
            let program = folder.path().join(name);
            fs::write(&program, script).expect("it is written");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        for name in ["policies", "roles"] {
            let file = Path::new(FIXTURE).join(format!("{name}.json"));
            let text = fs::read_to_string(file).expect("the fixture is there");
            let pages = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            for (number, page) in (1..).zip(pages) {
                let page = page.expect("the fixture is JSON").to_string();
                let path = folder.path().join(format!("{name}.{number}"));
                fs::write(path, page).expect("it is written");
            }
        }
        Graph(folder)
    }

    fn export(&self) -> PathBuf {
        self.0.path().join("export")
    }

    fn run(&self, forbidden: &str, arguments: &[&str]) -> Output {
        self.run_with(("FORBIDDEN", forbidden), arguments)
    }

    /// `FORBIDDEN`, `GONE`, or `BUSY` (twice; for `/` always): what addresses with this text are
    /// answered.
    fn run_with(&self, (answer, addresses): (&str, &str), arguments: &[&str]) -> Output {
        assert_installed("jq", "apt-get install jq");
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("bash")
            .arg(SCRIPT)
            .args(arguments)
            .arg(self.export())
            .env("PATH", format!("{}:{path}", self.0.path().display()))
            .env("FAKE", self.0.path())
            .env("FIXTURE", FIXTURE)
            .env("TENANT", TENANT)
            .env(answer, addresses)
            .output()
            .expect("bash starts")
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.0.path().join("asked")).expect("it was asked")
    }

    fn exports(&self) -> usize {
        let entries = fs::read_dir(self.0.path()).expect("it is a folder");
        entries
            .filter_map(|entry| {
                entry
                    .expect("it can be read")
                    .file_name()
                    .into_string()
                    .ok()
            })
            .filter(|name| name.starts_with("export."))
            .count()
    }
}

fn assert_installed(program: &str, install: &str) {
    let found = Command::new(program).arg("--version").output().is_ok();
    assert!(found, "{program} is missing; install it with: {install}");
}

fn load(folder: &Path) -> PolicySnapshot {
    PolicySnapshot::load(folder, &Limits::default()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_script_exports_every_page_and_what_the_policies_mention() {
    let graph = Graph::new();
    let output = graph.run("", &[]);
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("exported 9 policies of tenant"), "{stderr}");

    let snapshot = load(&graph.export());
    assert_eq!(snapshot.policies().len(), 9);
    assert_eq!(snapshot.tenant_id(), Some(TENANT));
    let contents = snapshot.contents();
    assert_eq!((contents.locations, contents.roles), (5, 1));
    assert_eq!((contents.groups, contents.groups_with_members), (2, 1));
    let policy = snapshot
        .policy("00000000-0000-4000-8000-000000000102")
        .expect("it is in the export");
    let users = policy.condition(Condition::Users).expect("it has users");
    let applications = policy
        .condition(Condition::Application)
        .expect("it has applications");
    assert_eq!(users.include[0].text(), "Group: Finance");
    assert_eq!(applications.include[0].text(), "Application: Payroll");
    for (user, answer) in [
        ("00000000-0000-4000-8000-000000000002", Answer::Matches),
        ("00000000-0000-4000-8000-000000000003", Answer::Matches),
        ("00000000-0000-4000-8000-000000000004", Answer::DoesNotMatch),
    ] {
        let facts = Facts {
            user_id: Some(user),
            ..Facts::default()
        };
        assert_eq!(users.include[0].answer(&facts), answer, "{user}");
    }
    let hidden = &users.exclude[0];
    assert_eq!(hidden.text(), "Group: Emergency access");
    let anybody = Facts {
        user_id: Some("00000000-0000-4000-8000-000000000004"),
        ..Facts::default()
    };
    assert_eq!(hidden.answer(&anybody), Answer::NotKnown);
    let role = users.exclude.last().expect("it excludes a role");
    let holder = Facts {
        user_id: Some("00000000-0000-4000-8000-000000000007"),
        ..Facts::default()
    };
    assert_eq!(role.text(), "Role: Global Administrator");
    assert_eq!(role.answer(&holder), Answer::Matches);
}

#[test]
fn an_export_that_fails_leaves_the_old_one_and_a_new_one_replaces_it() {
    let graph = Graph::new();
    assert!(graph.run("", &[]).status.success());
    let first = fs::read_link(graph.export()).expect("it is a link");

    for forbidden in [
        "skiptoken=2",
        "namedLocations",
        "roleAssignments",
        "/groups/",
    ] {
        let output = graph.run(forbidden, &[]);
        let stderr = text(&output.stderr);
        assert!(!output.status.success(), "{forbidden}");
        assert!(stderr.contains("Authorization_RequestDenied"), "{stderr}");
        assert!(
            stderr.contains("does the account have the right?"),
            "{stderr}"
        );
        assert_eq!(fs::read_link(graph.export()).expect("a link"), first);
        assert_eq!(graph.exports(), 1, "{forbidden} leaves something behind");
    }
    for _ in 0..3 {
        assert!(graph.run("", &[]).status.success());
    }
    assert_ne!(fs::read_link(graph.export()).expect("a link"), first);
    assert_eq!(graph.exports(), 2, "the new one and the one before");
}

#[test]
fn the_script_asks_again_where_graph_is_busy_and_gives_up_in_the_end() {
    let slept = |graph: &Graph| {
        let text = fs::read_to_string(graph.0.path().join("slept")).expect("it waited");
        text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let graph = Graph::new();
    let output = graph.run_with(("BUSY", "policies?$skiptoken=2"), &[]);
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("asking again in 15 seconds"), "{stderr}");
    assert_eq!(slept(&graph), ["15", "30"]);
    assert_eq!(load(&graph.export()).policies().len(), 9);

    let graph = Graph::new();
    let output = graph.run_with(("BUSY", "/"), &[]);
    let stderr = text(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(stderr.contains("Too Many Requests"), "{stderr}");
    assert!(stderr.contains("did not answer"), "{stderr}");
    assert_eq!(slept(&graph), ["15", "30", "60", "120"]);
    assert_eq!(graph.exports(), 0, "it leaves something behind");
}

/// Only an object that a policy mentions may be gone: half a list would be read as the whole of it.
#[test]
fn a_list_of_which_a_page_is_not_there_is_no_export() {
    let graph = Graph::new();
    for gone in [
        "policies?$skiptoken=2",
        "transitiveMembers?$skiptoken=2",
        "transitiveMembers",
        "namedLocations",
        "roleDefinitions",
    ] {
        let output = graph.run_with(("GONE", gone), &[]);
        let stderr = text(&output.stderr);
        assert!(!output.status.success(), "{gone}");
        assert!(stderr.contains("did not answer"), "{stderr}");
        assert_eq!(graph.exports(), 0, "{gone} leaves something behind");
    }
    let output = graph.run_with(("GONE", "/groups/"), &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(load(&graph.export()).contents().groups, 0);
}

#[test]
fn what_is_left_out_is_not_asked_for() {
    let graph = Graph::new();
    let parts = ["members", "roles", "applications"];
    let arguments: Vec<&str> = parts.iter().flat_map(|part| ["--without", part]).collect();
    assert!(graph.run("", &arguments).status.success());
    let asked = graph.asked();
    for part in ["transitiveMembers", "roleManagement", "servicePrincipals"] {
        assert!(!asked.contains(part), "{asked}");
    }
    let contents = load(&graph.export()).contents();
    assert_eq!((contents.groups, contents.groups_with_members), (2, 0));
    let output = graph.run("", &["--without", "policies"]);
    assert_eq!(output.status.code(), Some(2));
}

/// A copy of the fixture, and a configuration that names it.
struct Ground {
    folder: TempDir,
    admin: String,
}

impl Ground {
    fn new() -> Ground {
        let folder = TempDir::with_prefix("signin-diagnostics-snapshot-").expect("a folder");
        let export = folder.path().join("export");
        fs::create_dir(&export).expect("it is new");
        for file in fs::read_dir(FIXTURE).expect("the fixture is there") {
            let path = file.expect("it can be read").path();
            let name = path.file_name().expect("it is a file");
            fs::copy(&path, export.join(name)).expect("it is copied");
        }
        let free = |_| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("it is bound").to_string()
        };
        // Nobody listens where the broker should be.
        let [admin, broker] = [0, 1].map(free);
        let config = format!(
            "workers = 1\nkafka.bootstrap_servers = \"{broker}\"\n\
             input.topics = [\"sign-ins\"]\ninput.group_id = \"diagnostics\"\n\
             output.topic = \"diagnoses\"\ndead_letter.topic = \"dead-letters\"\n\
             telemetry.listen = \"{admin}\"\npolicy_snapshot.path = \"{}\"\n",
            export.display()
        );
        fs::write(folder.path().join("config.toml"), config).expect("it is written");
        Ground { folder, admin }
    }

    fn export(&self) -> PathBuf {
        self.folder.path().join("export")
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"));
        command
            .arg(subcommand)
            .arg("--config")
            .arg(self.folder.path().join("config.toml"))
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    fn replace(&self, file: &str, old: &str, new: &str) {
        let path = self.export().join(file);
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.contains(old), "{file} has no {old}");
        fs::write(path, text.replacen(old, new, 1)).expect("it is written");
    }
}

#[test]
fn check_shows_the_snapshot_and_refuses_a_broken_one_as_run_does() {
    let ground = Ground::new();
    let output = ground.command("check").output().expect("it starts");
    let stdout = text(&output.stdout);
    let version = load(&ground.export()).version().to_owned();
    let line = format!("policy snapshot     {version} of 2026-11-20T02:00:00Z");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout.contains(&line), "{stdout}");
    assert!(
        stdout.contains(
            "9 policies, 5 locations, 4 groups (3 with members), 1 roles, 6 names of applications"
        ),
        "{stdout}"
    );

    ground.replace("namedLocations.json", "203.0.113.0/24", "anywhere");
    ground.replace("tenant.json", "2026-11-20T02:00:00Z", "yesterday");
    for subcommand in ["check", "run"] {
        let mut command = ground.command(subcommand);
        let output = command.args(["--set", "catalog.path=/nowhere"]).output();
        let output = output.expect("it starts");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{subcommand}: {stderr}");
        for said in [
            "export/namedLocations.json: /value/0/ipRanges/0: it is no range of addresses",
            "export/tenant.json: /exportedAt: it is no time",
            "/nowhere: it is no folder",
        ] {
            assert!(stderr.contains(said), "{subcommand}: {said}\n{stderr}");
        }
    }
}

#[test]
fn diagnose_names_the_snapshot_in_the_records_of_its_tenant() {
    let folder = TempDir::with_prefix("signin-diagnostics-diagnose-").expect("a folder");
    let file = folder.path().join("sign-ins.ndjson");
    let event = |tenant: &str| {
        format!(
            "{{\"category\":\"SignInLogs\",\"tenantId\":\"{tenant}\",\"properties\":{{\"id\":\
             \"{tenant}\",\"status\":{{\"errorCode\":53003}}}}}}\n"
        )
    };
    fs::write(&file, event(TENANT) + &event("another")).expect("it is written");
    let run = |snapshot: &Path| {
        Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
            .arg("diagnose")
            .arg("--policy-snapshot")
            .arg(snapshot)
            .arg(&file)
            .output()
            .expect("it starts")
    };
    let output = run(Path::new(FIXTURE));
    let records: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .expect("records are JSON");
    let version = load(Path::new(FIXTURE)).version().to_owned();
    let snapshots: Vec<Option<&str>> = records
        .iter()
        .map(|record| record["versions"]["snapshot"].as_str())
        .collect();
    assert_eq!(snapshots, [Some(version.as_str()), None]);
    let remark = format!("1 diagnosed without the policy snapshot, which is of tenant {TENANT}\n");
    assert_eq!(text(&output.stderr), remark);

    let output = run(folder.path());
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("policies.json: it cannot be read"));
}

/// Killed when the test is over.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The value of a series, once somebody answers.
fn metric(admin: &str, series: &str) -> Option<f64> {
    let mut stream = TcpStream::connect(admin).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer
        .lines()
        .find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn the_running_service_takes_over_a_new_snapshot_and_refuses_a_broken_one() {
    const TIME: &str = "signin_policy_snapshot_timestamp_seconds";
    const OK: &str = "signin_policy_snapshot_reloads_total{result=\"ok\"}";
    const REFUSED: &str = "signin_policy_snapshot_reloads_total{result=\"refused\"}";

    let ground = Ground::new();
    let log = ground.folder.path().join("log");
    let stderr = fs::File::create(&log).expect("it is new");
    let service = ground.command("run").stderr(stderr).spawn();
    let _service = Service(service.expect("it starts"));
    let wait = |series: &str, value: f64| {
        let started = Instant::now();
        while metric(&ground.admin, series) != Some(value) {
            let log = fs::read_to_string(&log).unwrap_or_default();
            assert!(started.elapsed() < DEADLINE, "no {series} {value}\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait(TIME, 1_795_140_000.0);
    ground.replace(
        "tenant.json",
        "2026-11-20T02:00:00Z",
        "2026-11-20T02:00:01Z",
    );
    wait(OK, 1.0);
    wait(TIME, 1_795_140_001.0);
    ground.replace("policies.json", "\"value\"", "value");
    wait(REFUSED, 1.0);
    wait(TIME, 1_795_140_001.0);
    wait(OK, 1.0);
    let log = fs::read_to_string(&log).expect("it is there");
    for said in [
        "Policy snapshot loaded",
        "The policy snapshot is too old; export the policies again",
        "Policy snapshot reloaded",
        "policies.json: line 3, column 2: it is no JSON",
        "the old one stays in force",
    ] {
        assert!(log.contains(said), "{said}\n{log}");
    }
}
