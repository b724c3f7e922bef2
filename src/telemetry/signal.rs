//! What the alerts on spikes look for, and count once an hour for whoever tries again.
use crate::diagnosis::{Outcome, Scenario};

/// A kind of sign-in that an alert counts by first tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Blocked, by whatever.
    Block,
    /// Did not meet a requirement of Conditional Access.
    Failure,
    /// Sent to register a second factor.
    ProofUp,
}

impl Signal {
    /// In the order of the variants.
    pub const ALL: [Signal; 3] = [Signal::Block, Signal::Failure, Signal::ProofUp];

    pub fn of(scenario: Scenario, outcome: Outcome) -> Option<Signal> {
        match (scenario, outcome) {
            (_, Outcome::Blocked) => Some(Signal::Block),
            // Neither interrupts nor ended sessions are failures.
            (Scenario::FailedConditionalAccess, Outcome::Failed) => Some(Signal::Failure),
            (Scenario::MfaProofupRequired, _) => Some(Signal::ProofUp),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_interrupts_or_expires_is_no_signal() {
        for (scenario, outcome, signal) in [
            (
                Scenario::BlockedByConditionalAccess,
                Outcome::Blocked,
                Some(Signal::Block),
            ),
            (
                Scenario::AccountLocked,
                Outcome::Blocked,
                Some(Signal::Block),
            ),
            (
                Scenario::FailedConditionalAccess,
                Outcome::Failed,
                Some(Signal::Failure),
            ),
            (
                Scenario::FailedConditionalAccess,
                Outcome::Interrupted,
                None,
            ),
            (Scenario::FailedConditionalAccess, Outcome::Expired, None),
            (
                Scenario::MfaProofupRequired,
                Outcome::Interrupted,
                Some(Signal::ProofUp),
            ),
            (
                Scenario::MfaFromConditionalAccess,
                Outcome::Interrupted,
                None,
            ),
            (Scenario::InvalidCredentials, Outcome::Failed, None),
            (Scenario::SuccessfulSignIn, Outcome::Succeeded, None),
        ] {
            assert_eq!(
                Signal::of(scenario, outcome),
                signal,
                "{scenario:?} {outcome:?}"
            );
        }
        for (index, signal) in Signal::ALL.into_iter().enumerate() {
            assert_eq!(signal as usize, index);
        }
    }
}
