//! What an event shows about a second factor.
//!
//! The steps of the authentication come first, the status's additional details only where the
//! steps show nothing or end unfinished: a completed sign-in is often logged with its last step
//! still in progress.
use crate::signin::{AuthenticationStep, SignIn};

/// What became of the second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondFactor {
    pub performed: bool,
    pub satisfied_by_claim: bool,
    pub denied_by_user: bool,
}

impl SecondFactor {
    pub fn of(sign_in: &SignIn<'_>) -> SecondFactor {
        let mut found = SecondFactor::default();
        for step in &sign_in.authentication_steps {
            found.add_step(step);
        }
        let details = sign_in.additional_details.as_deref().unwrap_or_default();
        if sign_in.authentication_steps.iter().any(is_unfinished) && says_completed(details) {
            found.performed = true;
        }
        if found == SecondFactor::default() {
            found.satisfied_by_claim = says_satisfied_by_claim(details);
            found.denied_by_user = says_denied_by_user(details);
            found.performed = says_completed(details);
        }
        found
    }

    fn add_step(&mut self, step: &AuthenticationStep<'_>) {
        let result = step.result_detail.as_deref().unwrap_or_default();
        if says_denied_by_user(result) {
            self.denied_by_user = true;
        } else if says_satisfied_by_claim(result) {
            self.satisfied_by_claim = true;
        } else if step.succeeded == Some(true) && is_second_factor(step)
            || step.succeeded != Some(false) && says_completed(result)
        {
            self.performed = true;
        }
    }
}

/// Whether the event shows that one factor was enough: it says so, or lists the steps, and
/// nothing in it points to a second one. An event that says nothing shows nothing.
pub fn shows_single_factor(sign_in: &SignIn<'_>, factor: SecondFactor) -> bool {
    let requirement = sign_in.authentication_requirement.as_deref();
    let says_single =
        requirement.is_some_and(|text| text.eq_ignore_ascii_case("singleFactorAuthentication"));
    let completed = sign_in
        .authentication_steps
        .iter()
        .filter(|step| step.succeeded == Some(true));
    let shows_more = requirement.is_some_and(speaks_of_mfa)
        || factor.performed
        || factor.satisfied_by_claim
        || sign_in.mfa_method.is_some()
        || sign_in.mfa_detail.is_some()
        || sign_in
            .additional_details
            .as_deref()
            .is_some_and(speaks_of_mfa)
        || completed.clone().any(may_be_more_than_one_factor);
    (says_single || completed.count() > 0) && !shows_more
}

/// Methods that are one factor by themselves. Any other (a passkey, Windows Hello, a
/// certificate, one not known yet) may stand for two.
const SINGLE_FACTOR_METHODS: [&str; 3] = ["Password", "Password Hash Sync", "Previously satisfied"];

fn may_be_more_than_one_factor(step: &AuthenticationStep<'_>) -> bool {
    is_second_factor(step)
        || step.result_detail.as_deref().is_some_and(speaks_of_mfa)
        || step.method.as_deref().is_some_and(|method| {
            SINGLE_FACTOR_METHODS
                .iter()
                .all(|single| !single.eq_ignore_ascii_case(method))
        })
}

fn is_second_factor(step: &AuthenticationStep<'_>) -> bool {
    step.requirement.as_deref().is_some_and(speaks_of_mfa)
        && step
            .method
            .as_deref()
            .is_none_or(|method| !method.eq_ignore_ascii_case("Previously satisfied"))
}

fn is_unfinished(step: &AuthenticationStep<'_>) -> bool {
    let result = step.result_detail.as_deref().unwrap_or_default();
    step.succeeded != Some(true) && contains(result, "in progress")
}

fn speaks_of_mfa(text: &str) -> bool {
    ["mfa", "multifactor", "multi-factor"]
        .iter()
        .any(|term| contains(text, term))
}

fn says_completed(text: &str) -> bool {
    speaks_of_mfa(text) && contains(text, "completed") && !contains(text, "not ")
}

/// Not the first factor, which may be satisfied by a claim too.
fn says_satisfied_by_claim(text: &str) -> bool {
    speaks_of_mfa(text) && contains(text, "satisfied by claim")
}

/// A refusal by the person: declined, or reported as fraud. A prompt left unanswered is none.
fn says_denied_by_user(text: &str) -> bool {
    (speaks_of_mfa(text) || contains(text, "authentication"))
        && (contains(text, "user declined") || contains(text, "fraud"))
}

/// Whether `text` holds `term`, whatever its case. `term` is lower-case ASCII.
pub fn contains(text: &str, term: &str) -> bool {
    text.as_bytes()
        .windows(term.len())
        .any(|window| window.eq_ignore_ascii_case(term.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_step_beside_completed_details_counts_whatever_came_before() {
        let step = |result: &'static str| AuthenticationStep {
            succeeded: Some(false),
            result_detail: Some(result.into()),
            ..AuthenticationStep::default()
        };
        let sign_in = SignIn {
            additional_details: Some("MFA completed in Azure AD".into()),
            authentication_steps: vec![
                step("MFA denied; user declined the authentication"),
                step("Authentication in progress"),
            ],
            ..SignIn::default()
        };
        let found = SecondFactor::of(&sign_in);
        assert!(found.performed && found.denied_by_user, "{found:?}");
    }

    #[test]
    fn what_was_not_completed_was_not_performed() {
        for details in [
            "MFA not completed",
            "MFA was not successfully completed",
            "MFA could not be completed",
        ] {
            let sign_in = SignIn {
                additional_details: Some(details.into()),
                ..SignIn::default()
            };
            assert!(!SecondFactor::of(&sign_in).performed, "{details}");
        }
    }
}
