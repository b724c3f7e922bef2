//! What an event shows about a second factor.
//!
//! The steps of the authentication come first, the status's additional details only where the
//! steps show nothing or end unfinished: a completed sign-in is often logged with its last step
//! still in progress. Only phrases that are known count; any other text shows nothing. A phrase
//! that does not name the second factor may be about the first, so it counts only where the step
//! or the phrase itself can be about the second alone.
use memchr::memchr2_iter;

use super::SecondFactorResult;
use crate::signin::{AuthenticationStep, SignIn};

use SecondFactorResult::{
    DeniedByUser, Failed, InProgress, Performed, SatisfiedByClaim, Skipped, TimedOut,
};

/// What became of the second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondFactor {
    pub performed: bool,
    pub satisfied_by_claim: bool,
    pub denied_by_user: bool,
    /// How it ended; `None` where the event does not show it.
    pub result: Option<SecondFactorResult>,
    /// The phrase that says so, where one does, in lower case.
    pub phrase: Option<&'static str>,
}

/// A result, and the phrase that it was read from.
type Said = (SecondFactorResult, Option<&'static str>);

/// What a text is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    SecondFactor,
    NotKnown,
    FirstFactor,
}

impl SecondFactor {
    pub fn of(sign_in: &SignIn<'_>) -> SecondFactor {
        let mut found = SecondFactor::default();
        let mut unfinished = false;
        for step in &sign_in.authentication_steps {
            let is_second_factor = is_second_factor(step);
            let said = step_said(step, is_second_factor);
            let succeeded = step.succeeded == Some(true);
            unfinished |= !succeeded && matches!(said, Some((InProgress, _)));
            let said = match said {
                // What the text says was done must not be denied by the step itself.
                Some((Performed, _)) if step.succeeded == Some(false) => None,
                None | Some((InProgress, _)) if succeeded && is_second_factor => {
                    Some((Performed, None))
                }
                said => said,
            };
            if let Some(said) = said {
                found.add(said);
            }
        }
        let details = sign_in.additional_details.as_deref();
        let details = details.and_then(|text| said(text, About::NotKnown));
        match details {
            Some(said) if found.result.is_none() => found.add(said),
            Some(said @ (Performed, _)) if unfinished => found.add(said),
            _ => {}
        }
        found
    }

    /// The last result counts; that a prompt was open says nothing where another is known.
    fn add(&mut self, (result, phrase): Said) {
        match result {
            Performed => self.performed = true,
            SatisfiedByClaim => self.satisfied_by_claim = true,
            DeniedByUser => self.denied_by_user = true,
            InProgress | TimedOut | Failed | Skipped => {}
        }
        if self.result.is_none() || result != InProgress {
            self.result = Some(result);
            self.phrase = phrase;
        }
    }
}

fn step_said(step: &AuthenticationStep<'_>, is_second_factor: bool) -> Option<Said> {
    let text = step.result_detail.as_deref()?;
    let about = if is_second_factor {
        About::SecondFactor
    } else if is_first_factor(step) {
        About::FirstFactor
    } else {
        About::NotKnown
    };
    said(text, about)
}

/// A step says what it is for, or was made with a method that is never a second factor.
fn is_first_factor(step: &AuthenticationStep<'_>) -> bool {
    let requirement = step.requirement.as_deref().unwrap_or_default();
    contains(requirement, "primary")
        || contains(requirement, "singlefactor")
        || step.method.as_deref().is_some_and(|method| {
            SINGLE_FACTOR_METHODS
                .iter()
                .any(|single| single.eq_ignore_ascii_case(method))
        })
}

/// Whether the event shows that one factor was enough: it says so, or lists the steps, and
/// nothing in it points to a second one. An event that says nothing shows nothing.
pub fn shows_single_factor(sign_in: &SignIn<'_>, factor: SecondFactor) -> bool {
    let requirement = sign_in.authentication_requirement.as_deref();
    let completed = sign_in
        .authentication_steps
        .iter()
        .filter(|step| step.succeeded == Some(true));
    let shows_more = requirement.is_some_and(speaks_of_mfa)
        || factor.result.is_some()
        || sign_in.mfa_method.is_some()
        || sign_in.mfa_detail.is_some()
        || sign_in
            .additional_details
            .as_deref()
            .is_some_and(speaks_of_mfa)
        || completed.clone().any(may_be_more_than_one_factor);
    (requires_single_factor(sign_in) || completed.count() > 0) && !shows_more
}

/// Whether the event says that one factor was all that was required.
pub fn requires_single_factor(sign_in: &SignIn<'_>) -> bool {
    let requirement = sign_in.authentication_requirement.as_deref();
    requirement.is_some_and(|text| text.eq_ignore_ascii_case("singleFactorAuthentication"))
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

fn speaks_of_mfa(text: &str) -> bool {
    contains_one(text, ["mfa", "multifactor", "multi-factor"])
}

/// How a text that speaks of the second factor begins, the longer first. The first factor has
/// other words ("First factor requirement satisfied by claim in the token").
const BEGINNINGS: [&str; 4] = [
    "azure multi-factor authentication ",
    "multi-factor authentication ",
    "mfa requirement ",
    "mfa ",
];

/// Begins the reason of a denial, whatever the reason.
const DENIED: &str = "denied";

/// What follows the beginning, with what it means: the phrases that Microsoft lists for the
/// authentication details ("Use the sign-in logs to review Microsoft Entra multifactor
/// authentication events"), and those seen in sign-in logs.
const PHRASES: [(&str, SecondFactorResult); 40] = [
    ("completed in azure ad", Performed),
    ("completed in microsoft entra id", Performed),
    ("completed in the cloud", Performed),
    ("successfully completed", Performed),
    ("satisfied by strong authentication", Performed),
    ("satisfied by claim in the token", SatisfiedByClaim),
    (
        "satisfied by claim provided by external provider",
        SatisfiedByClaim,
    ),
    (
        "skipped as flow exercised was windows broker logon flow",
        Skipped,
    ),
    ("skipped due to app password", Skipped),
    ("skipped due to location", Skipped),
    ("skipped due to registered device", Skipped),
    ("skipped due to remembered device", Skipped),
    ("authentication in progress", InProgress),
    ("authentication in-progress", InProgress),
    ("user declined the authentication", DeniedByUser),
    ("fraud code entered", DeniedByUser),
    ("phone app reported fraud", DeniedByUser),
    ("user did not respond to mobile app notification", TimedOut),
    ("user didn't respond to mobile app notification", TimedOut),
    ("user never entered the verification code", TimedOut),
    ("phone call went to voicemail", TimedOut),
    ("authentication timed out", TimedOut),
    ("duplicate authentication attempt", Failed),
    ("entered incorrect code too many times", Failed),
    ("invalid authentication", Failed),
    ("invalid mobile app verification code", Failed),
    ("misconfiguration", Failed),
    ("phone number has an invalid format", Failed),
    ("service error", Failed),
    ("unable to reach the user's phone", Failed),
    ("unable to send the mobile app notification", Failed),
    (
        "unable to send the mobile app notification to the device",
        Failed,
    ),
    (
        "user does not have any verification methods registered",
        Failed,
    ),
    (
        "user doesn't have any verification methods registered",
        Failed,
    ),
    ("user entered incorrect code", Failed),
    ("user entered incorrect pin", Failed),
    (
        "user hung up the phone call without succeeding the authentication",
        Failed,
    ),
    ("user is blocked", Failed),
    ("user not found", Failed),
    ("verification code already used once", Failed),
];

/// What a text says about the second factor; `None` for any text that is not known.
fn said(text: &str, about: About) -> Option<Said> {
    let text = text.trim().trim_end_matches('.');
    let begun = BEGINNINGS.iter().find_map(|start| after(text, start));
    let phrase = begun.unwrap_or(text);
    let denied = begun.and_then(|phrase| after(phrase, DENIED));
    let phrase = denied.map_or(phrase, |reason| reason.trim_start_matches([';', ':', ' ']));
    let known = PHRASES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(phrase))
        .map(|(phrase, result)| (*result, Some(*phrase)));
    match (known, about) {
        (Some((Performed | SatisfiedByClaim | Skipped, _)) | None, _) if denied.is_some() => {
            Some((Failed, None))
        }
        (known, _) if begun.is_some() => known,
        // No beginning says that it is about the second factor; a wrong code or PIN, or a fault
        // of the service, may be of either.
        (Some((Performed | SatisfiedByClaim | Skipped, _)), _)
        | (Some((Failed, _)), About::NotKnown)
        | (_, About::FirstFactor) => None,
        (known, _) => known,
    }
}

fn after<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let begin = text.get(..start.len())?;
    begin
        .eq_ignore_ascii_case(start)
        .then(|| &text[start.len()..])
}

/// Whether `text` holds `term`, whatever its case. `term` is lower-case ASCII.
pub fn contains(text: &str, term: &str) -> bool {
    contains_one(text, [term])
}

/// The same for any of several terms, which all begin with the same letter.
fn contains_one<const N: usize>(text: &str, terms: [&str; N]) -> bool {
    let (text, terms) = (text.as_bytes(), terms.map(str::as_bytes));
    let Some(first) = terms.first().and_then(|term| term.first()) else {
        return true;
    };
    debug_assert!(terms.iter().all(|term| term.first() == Some(first)));
    debug_assert!(first.is_ascii_lowercase() || !first.is_ascii_alphabetic());
    let mut starts = memchr2_iter(*first, first.to_ascii_uppercase(), text);
    starts.any(|at| {
        let begins = |term: &[u8]| {
            let found = text.get(at..at + term.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(term))
        };
        terms.into_iter().any(begins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(succeeded: Option<bool>, result: &'static str) -> AuthenticationStep<'static> {
        AuthenticationStep {
            succeeded,
            result_detail: Some(result.into()),
            ..AuthenticationStep::default()
        }
    }

    fn steps(
        details: Option<&'static str>,
        steps: Vec<AuthenticationStep<'static>>,
    ) -> SecondFactor {
        SecondFactor::of(&SignIn {
            additional_details: details.map(Into::into),
            authentication_steps: steps,
            ..SignIn::default()
        })
    }

    /// Privacy searches texts for names: no name may take these words out of them.
    #[test]
    fn no_name_is_made_of_the_words_of_a_phrase() {
        let phrases = PHRASES.iter().map(|(phrase, _)| *phrase);
        for phrase in phrases.chain(BEGINNINGS).chain([DENIED]) {
            assert!(crate::signin::scrub::is_of_terms(phrase), "{phrase}");
        }
    }

    #[test]
    fn only_known_phrases_count() {
        let table = [
            ("MFA completed in Azure AD", Some(Performed)),
            ("MFA successfully completed.", Some(Performed)),
            (
                "MFA requirement satisfied by strong authentication",
                Some(Performed),
            ),
            (
                "MFA requirement satisfied by claim in the token",
                Some(SatisfiedByClaim),
            ),
            (
                "mfa requirement satisfied by claim provided by external provider",
                Some(SatisfiedByClaim),
            ),
            (
                "MFA requirement skipped due to remembered device",
                Some(Skipped),
            ),
            (
                "MFA denied; user declined the authentication",
                Some(DeniedByUser),
            ),
            ("User declined the authentication", Some(DeniedByUser)),
            ("Invalid authentication", None),
            ("User not found", None),
            ("Service error", None),
            ("MFA denied; Fraud Code Entered", Some(DeniedByUser)),
            (
                "MFA denied; user did not respond to mobile app notification",
                Some(TimedOut),
            ),
            ("MFA denied; Phone call went to voicemail", Some(TimedOut)),
            ("MFA denied; user entered incorrect code", Some(Failed)),
            (
                "Azure Multi-Factor Authentication denied; invalid authentication",
                Some(Failed),
            ),
            ("MFA denied; a reason that is new", Some(Failed)),
            ("MFA denied; completed in Azure AD", Some(Failed)),
            ("Authentication in progress", Some(InProgress)),
            (
                "Azure Multi-Factor Authentication denied; authentication in-progress",
                Some(InProgress),
            ),
            ("MFA is to be completed in Azure AD", None),
            ("MFA not completed", None),
            ("MFA could not be completed", None),
            ("MFA requirement not satisfied by claim in the token", None),
            (
                "First factor requirement satisfied by claim in the token",
                None,
            ),
            ("Satisfied by claim in the token", None),
            ("MFA required in Azure AD", None),
            ("User declined to consent to access the app.", None),
            ("Denied", None),
            ("MFA denied", Some(Failed)),
            ("", None),
        ];
        for (text, expected) in table {
            let found = said(text, About::NotKnown).map(|(result, _)| result);
            assert_eq!(found, expected, "{text}");
            assert_eq!(steps(Some(text), Vec::new()).result, expected, "{text}");
        }
    }

    #[test]
    fn a_bare_phrase_of_the_first_factor_is_not_of_the_second() {
        let of = |method: Option<&'static str>, requirement: Option<&'static str>, text| {
            let step = AuthenticationStep {
                method: method.map(Into::into),
                requirement: requirement.map(Into::into),
                ..step(Some(false), text)
            };
            steps(None, vec![step]).result
        };
        let primary = Some("Primary authentication");
        let second = Some("Multi-factor authentication");
        for (method, requirement, text, expected) in [
            (Some("Password"), primary, "Invalid authentication", None),
            (
                Some("Password"),
                primary,
                "Authentication in progress",
                None,
            ),
            (Some("Password"), None, "User not found", None),
            (
                Some("Passkey"),
                primary,
                "User declined the authentication",
                None,
            ),
            (None, None, "Service error", None),
            (Some("Text message"), second, "Service error", Some(Failed)),
            (
                Some("Text message"),
                second,
                "User entered incorrect code",
                Some(Failed),
            ),
            (None, None, "Authentication in progress", Some(InProgress)),
            (
                Some("Mobile app notification"),
                None,
                "User declined the authentication",
                Some(DeniedByUser),
            ),
            (
                Some("Password"),
                primary,
                "MFA denied; service error",
                Some(Failed),
            ),
        ] {
            assert_eq!(of(method, requirement, text), expected, "{method:?} {text}");
        }
    }

    #[test]
    fn the_last_result_of_the_steps_counts() {
        let declined = || step(Some(false), "MFA denied; user declined the authentication");
        let open = || step(Some(false), "Authentication in progress");
        let silent = || {
            step(
                Some(false),
                "MFA denied; user did not respond to mobile app notification",
            )
        };
        let claim = || {
            step(
                Some(true),
                "MFA requirement satisfied by claim in the token",
            )
        };
        let done = || step(Some(true), "MFA successfully completed");
        for (given, expected) in [
            (vec![silent(), declined()], Some(DeniedByUser)),
            (vec![declined(), silent(), open()], Some(TimedOut)),
            (vec![declined(), done()], Some(Performed)),
            (vec![claim(), declined()], Some(DeniedByUser)),
            (vec![open()], Some(InProgress)),
            (vec![step(Some(false), "MFA successfully completed")], None),
            (Vec::new(), None),
        ] {
            assert_eq!(steps(None, given.clone()).result, expected, "{given:?}");
        }
        // The details speak where the steps are silent, or unfinished and the details finished.
        let completed = Some("MFA completed in Azure AD");
        assert_eq!(steps(completed, vec![open()]).result, Some(Performed));
        assert_eq!(steps(completed, vec![silent()]).result, Some(TimedOut));
        let both = steps(completed, vec![declined(), open()]);
        assert!(both.performed && both.denied_by_user, "{both:?}");
    }
}
