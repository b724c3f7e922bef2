//! How long the service takes to start, how much memory until then, and how large it is.
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::Usage;
use crate::subject::with;
use crate::support::Setup;
use crate::table::Spread;

const STARTS: u32 = 10;

/// As often `/readyz` is asked.
const INTERVAL: Duration = Duration::from_millis(1);
const DEADLINE: Duration = Duration::from_secs(30);

pub fn run(set: &[String]) {
    let setup = with(Setup::new("start", 4), set);
    let (times, peaks): (Vec<f64>, Vec<f64>) = (0..STARTS).map(|n| start(&setup, n)).unzip();
    println!(
        "ms from the start of the process until /readyz says 200, of an empty topic, one start after the other: {times:.0?}"
    );
    println!("in the median: {:.0}", Spread::of(times.into_iter()));
    println!(
        "MB resident at the peak until then: {:.0}",
        Spread::of(peaks.into_iter())
    );
    let program = fs::metadata(env!("CARGO_BIN_EXE_signin-diagnostics")).expect("the program");
    println!(
        "MB of the program, stripped: {:.1}",
        program.len() as f64 / 1e6
    );
}

/// The milliseconds, and the megabytes.
fn start(setup: &Setup, number: u32) -> (f64, f64) {
    let mut setup = setup.clone();
    setup.group = format!("{}-{number}", setup.input);
    let began = Instant::now();
    let mut service = setup.start();
    while service
        .get("/readyz")
        .is_none_or(|(status, _)| status != 200)
    {
        let waits = service.ended().is_none() && began.elapsed() < DEADLINE;
        assert!(waits, "it does not get ready:\n{}", service.log());
        thread::sleep(INTERVAL);
    }
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    let peak = Usage::of(service.pid()).peak_megabytes;
    service.stop();
    (milliseconds, peak)
}
