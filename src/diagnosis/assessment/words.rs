//! Words for the closed sets of an event.
use std::borrow::Cow;

use crate::diagnosis::second_factor::{SecondFactor, requires_single_factor};
use crate::diagnosis::{RequirementSource, SecondFactorResult};
use crate::signin::{GrantControl, SignIn};

/// Block has no words: that access was blocked is what the sentence says already.
pub(super) const fn of_grant_control(control: GrantControl) -> Option<&'static str> {
    match control {
        GrantControl::Block => None,
        GrantControl::Mfa => Some("multifactor authentication"),
        GrantControl::CompliantDevice => Some("a compliant device"),
        GrantControl::DomainJoinedDevice => Some("a hybrid joined device"),
        GrantControl::ApprovedApp => Some("an approved client app"),
        GrantControl::CompliantApp => Some("an app protection policy"),
        GrantControl::PasswordChange => Some("a password change"),
    }
}

pub(super) fn of_session_control(name: &str) -> Option<&'static str> {
    name.eq_ignore_ascii_case("SignInFrequency")
        .then_some("a more recent sign-in")
}

pub(super) const fn of_source(source: RequirementSource) -> Option<&'static str> {
    match source {
        RequirementSource::ConditionalAccess => Some("Conditional Access"),
        RequirementSource::Risk => Some("a risk policy"),
        RequirementSource::PerUser => Some("per-user MFA"),
        RequirementSource::Request => Some("the application or resource"),
        RequirementSource::SecurityDefaults => Some("security defaults"),
        RequirementSource::CrossTenant => Some("a partner or cross-tenant rule"),
        RequirementSource::Unknown => None,
    }
}

/// What became of the second factor, after the words "the second factor".
pub(super) fn of_second_factor(factor: SecondFactor) -> Option<Cow<'static, str>> {
    let phrase = factor.phrase.unwrap_or_default();
    Some(match factor.result {
        Some(SecondFactorResult::Performed) => "was completed".into(),
        Some(SecondFactorResult::SatisfiedByClaim) => {
            "was satisfied by a claim that the sign-in brought along".into()
        }
        Some(SecondFactorResult::Skipped) => format!("was {phrase}").into(),
        Some(SecondFactorResult::DeniedByUser) if phrase.contains("fraud") => {
            "was reported as fraud by the user".into()
        }
        Some(SecondFactorResult::DeniedByUser) => "was declined by the user".into(),
        Some(SecondFactorResult::TimedOut) => "timed out, because the user did not respond".into(),
        Some(SecondFactorResult::Failed) if phrase.is_empty() => "failed".into(),
        Some(SecondFactorResult::Failed) => format!("failed ({phrase})").into(),
        Some(SecondFactorResult::InProgress) => {
            "was still in progress when the event was written".into()
        }
        None => return None,
    })
}

/// The same for a success that shows a single factor: only the requirement says that it was enough.
pub(super) fn of_single_factor(sign_in: &SignIn<'_>) -> &'static str {
    if requires_single_factor(sign_in) {
        "was not asked for, as a single factor was enough"
    } else {
        "does not appear in the event"
    }
}

const CREDENTIALS: [(&str, &str); 5] = [
    ("clientSecret", "a client secret"),
    ("clientAssertion", "a client assertion"),
    (
        "federatedIdentityCredential",
        "a federated identity credential",
    ),
    ("managedIdentity", "a managed identity"),
    ("certificate", "a certificate"),
];

const TOKENS: [(&str, &str); 5] = [
    ("primaryRefreshToken", "a primary refresh token"),
    ("refreshToken", "a refresh token"),
    ("saml11", "a SAML 1.1 token"),
    ("saml20", "a SAML 2.0 token"),
    ("remoteDesktopToken", "a remote desktop token"),
];

/// `clientCredentialType`.
pub(super) fn of_credential(name: &str) -> Option<&'static str> {
    find(&CREDENTIALS, name)
}

/// `incomingTokenType`.
pub(super) fn of_token(name: &str) -> Option<&'static str> {
    find(&TOKENS, name)
}

/// The `networkType` of a trusted named location.
pub(super) const TRUSTED: &str = "trustedNamedLocation";

/// `networkType` of a network location, with the noun and the blank before its names.
pub(super) fn of_network(name: &str) -> &'static str {
    const TYPES: [(&str, &str); 3] = [
        (TRUSTED, "the trusted named location "),
        ("intranet", "the intranet "),
        ("extranet", "the extranet "),
    ];
    find(&TYPES, name).unwrap_or("the named location ")
}

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let known = table
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, words)| *words)
}
