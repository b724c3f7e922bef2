//! How often each event met each phase: what the schedules have reached, and what not.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::delivery::*;

const EVENTS: [&str; 22] = [
    "Assigned",
    "OffsetLost",
    "Revoked",
    "Lost",
    "Diagnosed",
    "Enqueued",
    "QueueFull",
    "Refused",
    "Acknowledged",
    "Failed",
    "Rewound",
    "RewindFailed",
    "Committed",
    "CommitFailed",
    "CommitRefused",
    "TransactionReady",
    "TransactionCommitted",
    "TransactionFailed",
    "TransactionAborted",
    "Tick",
    "Stop",
    "Fatal",
];

/// The phases of a worker: running by room, or by transaction, and the ways to its end.
const PHASES: [&str; 12] = [
    "open",
    "full",
    "paused",
    "stopping",
    "committing",
    "starting",
    "transaction open",
    "transaction sealed",
    "transaction committing",
    "transaction aborting",
    "stopping in transaction",
    "ended",
];

/// Where an event cannot come, because what it answers is not asked for there.
fn is_possible(phase: &str, event: &str) -> bool {
    let transactions = phase.contains("transaction") || phase == "starting";
    match event {
        // The group is answered until the others have ended, too.
        _ if phase == "ended" => matches!(event, "Assigned" | "Revoked" | "Lost"),
        "Committed" | "CommitFailed" | "CommitRefused" => !transactions,
        "TransactionReady" => phase == "starting",
        "TransactionCommitted" | "TransactionFailed" => {
            matches!(phase, "transaction committing" | "stopping in transaction")
        }
        "TransactionAborted" => {
            matches!(phase, "transaction aborting" | "stopping in transaction")
        }
        "Diagnosed" => matches!(phase, "open" | "transaction open"),
        // Not without a message in hand; and a stop seldom meets one whose queue has room.
        "Enqueued" | "Refused" if phase == "stopping in transaction" => false,
        "Enqueued" | "QueueFull" | "Refused" => !matches!(
            phase,
            "starting" | "committing" | "transaction committing" | "transaction aborting"
        ),
        "Acknowledged" | "Failed" => !matches!(phase, "starting" | "transaction committing"),
        "Rewound" | "RewindFailed" => {
            !matches!(phase, "stopping" | "committing" | "stopping in transaction")
                && phase != "starting"
        }
        _ => true,
    }
}

#[derive(Default)]
pub(super) struct Tally(BTreeMap<(usize, usize), u64>);

impl Tally {
    pub fn count<R>(&mut self, machine: &Delivery<R>, event: &Event<R>) {
        *self.0.entry((phase(machine), number(event))).or_default() += 1;
    }

    pub fn add(&mut self, other: &Tally) {
        for (pair, count) in &other.0 {
            *self.0.entry(*pair).or_default() += count;
        }
    }

    /// The table, and the pairs that are possible and were reached less often than `enough`.
    pub fn report(&self, enough: u64) -> (String, Vec<String>) {
        let mut table = String::new();
        let mut missing = Vec::new();
        for (event, name) in EVENTS.iter().enumerate() {
            let _ = write!(table, "{name:22}");
            for (phase, phase_name) in PHASES.iter().enumerate() {
                let count = self.0.get(&(phase, event)).copied().unwrap_or_default();
                let _ = write!(table, "{count:>10}");
                if count < enough && is_possible(phase_name, name) {
                    missing.push(format!("{name} in {phase_name}: {count}"));
                }
            }
            table.push('\n');
        }
        let heads = PHASES
            .map(|name| name.replace("transaction", "tr."))
            .join(" | ");
        (format!("{heads}\n{table}"), missing)
    }
}

fn phase<R>(machine: &Delivery<R>) -> usize {
    let name = match (machine.phase(), machine.transaction_phase()) {
        (Phase::Ended, _) => "ended",
        (Phase::Running, None) => match machine.room() {
            Room::Open => "open",
            Room::Full => "full",
            Room::Paused => "paused",
        },
        (Phase::Stopping, None) => "stopping",
        (Phase::Committing, _) => "committing",
        (Phase::Running, Some(TransactionPhase::Starting)) => "starting",
        (Phase::Running, Some(TransactionPhase::Open)) => "transaction open",
        (Phase::Running, Some(TransactionPhase::Sealed)) => "transaction sealed",
        (Phase::Running, Some(TransactionPhase::Committing)) => "transaction committing",
        (Phase::Running, Some(TransactionPhase::Aborting)) => "transaction aborting",
        (Phase::Stopping, Some(_)) => "stopping in transaction",
    };
    PHASES.iter().position(|known| *known == name).unwrap()
}

fn number<R>(event: &Event<R>) -> usize {
    let name = match event {
        Event::Assigned(_) => "Assigned",
        Event::OffsetLost { .. } => "OffsetLost",
        Event::Revoked(_) => "Revoked",
        Event::Lost(_) => "Lost",
        Event::Diagnosed { .. } => "Diagnosed",
        Event::Enqueued => "Enqueued",
        Event::QueueFull => "QueueFull",
        Event::Refused => "Refused",
        Event::Acknowledged(_) => "Acknowledged",
        Event::Failed(_) => "Failed",
        Event::Rewound(..) => "Rewound",
        Event::RewindFailed(_) => "RewindFailed",
        Event::Committed(_) => "Committed",
        Event::CommitFailed(_) => "CommitFailed",
        Event::CommitRefused(_) => "CommitRefused",
        Event::TransactionReady | Event::ProducerChanged => "TransactionReady",
        Event::TransactionCommitted => "TransactionCommitted",
        Event::TransactionFailed => "TransactionFailed",
        Event::TransactionAborted => "TransactionAborted",
        Event::Tick => "Tick",
        Event::Stop => "Stop",
        Event::Fatal => "Fatal",
    };
    EVENTS.iter().position(|known| *known == name).unwrap()
}
