//! What a container needs of the program: `generate` feeds it, `healthcheck` asks it.
use std::process::{Command, Output};

use crate::support::{Setup, read_all};

/// `signin-diagnostics ARGUMENTS`, to its end.
fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[test]
fn generated_sign_ins_reach_a_topic_and_come_out_diagnosed() {
    let setup = Setup::new("generated", 3);
    let mut service = setup.start();
    service.wait_ready();
    let output = program(&[
        "generate",
        "--to",
        &setup.bootstrap,
        "--topic",
        &setup.input,
        "--events",
        "300",
        "--rate",
        "3000",
    ]);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let (_, sent) = log.split_once("Sent records=").expect("it tells");
    let sent: u64 = sent.split(' ').next().expect("a word").parse().expect(&log);
    assert!((300..340).contains(&sent), "{log}");
    service.wait_for_records(sent);
    service.stop();
    assert!(!read_all(&setup.output).is_empty());
}

#[test]
fn a_healthcheck_passes_only_while_the_service_answers() {
    let setup = Setup::new("healthcheck", 1);
    let mut service = setup.start();
    service.wait_ready();
    let listen = format!("telemetry.listen={}", service.admin());
    let live = program(&["healthcheck", "--set", &listen]);
    assert_eq!(
        (live.status.code(), &*live.stdout),
        (Some(0), &b"live\n"[..])
    );
    let ready = program(&["healthcheck", "--ready", "--set", &listen]);
    assert_eq!(ready.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&ready.stdout).ends_with("\nready\n"));

    service.stop();
    let dead = program(&["healthcheck", "--set", &listen]);
    assert_eq!(dead.status.code(), Some(1));
    let reason = String::from_utf8_lossy(&dead.stderr);
    assert!(
        reason.contains("no answer from http://127.0.0.1:"),
        "{reason}"
    );
}
