//! What a policy demands: its grant controls and its session controls.
use std::fmt;

use crate::signin::GrantControl;

use super::Directory;
use super::fault::Findings;
use super::json::{Object, clean, few};

/// Whether one control is enough, or all are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// All of them.
    And,
    /// One of them.
    Or,
    /// As Graph spells it; empty where it says none.
    Other(String),
}

/// The grant controls of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantControls {
    pub operator: Operator,
    pub controls: Vec<Control>,
}

/// A control of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// As Graph spells it; of custom controls, terms of use and strengths, the id.
    pub name: String,
    /// What sign-in logs call it, where that is another name: of a strength.
    pub called: Option<String>,
    /// The grant control that sign-in logs name too.
    pub known: Option<GrantControl>,
    /// As an administrator reads it.
    pub text: String,
}

impl Control {
    /// Whether a sign-in log means this control by `name`. Logs and Graph spell differently.
    pub fn is_named(&self, name: &str) -> bool {
        /// Session controls: Graph's name, then the names in logs.
        const SPELLINGS: [(&str, &[&str]); 5] = [
            (
                "applicationEnforcedRestrictions",
                &["AppEnforcedRestrictions"],
            ),
            (
                "persistentBrowser",
                &["PersistentBrowserSessionMode", "PersistentBrowserSession"],
            ),
            (
                "secureSignInSession",
                &["SignInTokenProtection", "Binding", "SecureSignIn"],
            ),
            ("disableResilienceDefaults", &["ResilienceDefaults"]),
            (
                "globalSecureAccessFilteringProfile",
                &["GlobalSecureAccess"],
            ),
        ];
        let is = |other: &str| other.eq_ignore_ascii_case(name);
        is(&self.name)
            || self.called.as_deref().is_some_and(is)
            || self.known.is_some() && self.known == GrantControl::from_name(name)
            || SPELLINGS
                .iter()
                .any(|(graph, logs)| *graph == self.name && logs.iter().any(|log| is(log)))
    }
}

/// `one of: A, B`; a single control alone.
impl fmt::Display for GrantControls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.controls.len() > 1 {
            match &self.operator {
                Operator::And => f.write_str("all of: ")?,
                Operator::Or => f.write_str("one of: ")?,
                Operator::Other(operator) if operator.is_empty() => {}
                Operator::Other(operator) => write!(f, "{operator} of: ")?,
            }
        }
        for (at, control) in self.controls.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{}", control.text)?;
        }
        Ok(())
    }
}

/// `None` where the policy has none.
pub(super) fn grant_controls(
    object: &Object<'_>,
    directory: &Directory,
    findings: &mut Findings,
) -> Option<GrantControls> {
    let operator = match object.text("operator", findings).unwrap_or_default() {
        word if word.eq_ignore_ascii_case("and") => Operator::And,
        word if word.eq_ignore_ascii_case("or") => Operator::Or,
        other => Operator::Other(clean(other)),
    };
    let mut controls = Vec::new();
    for name in object.texts("builtInControls", findings) {
        controls.push(built_in(name));
    }
    for (key, label) in [
        ("customAuthenticationFactors", "Custom control"),
        ("termsOfUse", "Terms of use"),
    ] {
        for id in object.texts(key, findings) {
            controls.push(control(id, format!("{label}: {}", clean(id))));
        }
    }
    if let Some(strength) = object.object("authenticationStrength", findings) {
        let id = strength.text("id", findings).unwrap_or_default();
        let strength = Strength::of(&strength, findings);
        let strength = strength.or_else(|| directory.strengths.get(id).cloned());
        let text = strength
            .as_ref()
            .map_or_else(|| clean(id), |it| it.text.clone());
        controls.push(Control {
            called: strength.map(|it| it.name),
            ..control(id, format!("Authentication strength: {text}"))
        });
    }
    let known = [
        "operator",
        "builtInControls",
        "customAuthenticationFactors",
        "termsOfUse",
        "authenticationStrength",
    ];
    for (key, shown) in object.unknown(&known) {
        controls.push(control(key, format!("{key}: {shown}")));
    }
    (!controls.is_empty()).then_some(GrantControls { operator, controls })
}

fn control(name: &str, text: String) -> Control {
    Control {
        name: clean(name),
        called: None,
        known: None,
        text,
    }
}

fn built_in(name: &str) -> Control {
    let known = GrantControl::from_name(name);
    let text = match known {
        Some(GrantControl::Block) => "Block access",
        Some(GrantControl::Mfa) => "Require multifactor authentication",
        Some(GrantControl::CompliantDevice) => "Require device to be marked as compliant",
        Some(GrantControl::DomainJoinedDevice) => "Require Microsoft Entra hybrid joined device",
        Some(GrantControl::ApprovedApp) => "Require approved client app",
        Some(GrantControl::CompliantApp) => "Require app protection policy",
        Some(GrantControl::PasswordChange) => "Require password change",
        None if name.eq_ignore_ascii_case("riskRemediation") => "Require risk remediation",
        None => return control(name, format!("Control: {}", clean(name))),
    };
    Control {
        known,
        ..control(name, text.to_owned())
    }
}

/// An authentication strength.
#[derive(Debug, Clone)]
pub(super) struct Strength {
    name: String,
    /// `Phishing-resistant MFA (fido2, windowsHelloForBusiness)`.
    text: String,
}

impl Strength {
    /// `None` where it has no name.
    pub fn of(object: &Object<'_>, findings: &mut Findings) -> Option<Strength> {
        let name = clean(object.text("displayName", findings)?);
        // One combination may be several methods with commas between.
        let combinations: Vec<String> = object
            .texts("allowedCombinations", findings)
            .into_iter()
            .map(|combination| clean(&combination.replace(',', " + ")))
            .collect();
        let text = if combinations.is_empty() {
            name.clone()
        } else {
            format!("{name} ({})", few(&combinations))
        };
        Some(Strength { name, text })
    }
}

/// The session controls that are in force, in a fixed order, then unknown ones.
pub(super) fn session_controls(object: &Object<'_>, findings: &mut Findings) -> Vec<Control> {
    type Describe = fn(&Object<'_>, &mut Findings) -> String;
    const OBJECTS: [(&str, Describe); 7] = [
        ("signInFrequency", frequency),
        ("persistentBrowser", |control, findings| {
            let mode = control.text("mode", findings).unwrap_or("mode not known");
            format!("Persistent browser session: {}", clean(mode))
        }),
        ("applicationEnforcedRestrictions", |_, _| {
            "App enforced restrictions".to_owned()
        }),
        ("cloudAppSecurity", |control, findings| {
            let kind = match control.text("cloudAppSecurityType", findings) {
                Some("mcasConfigured") => "custom policy".to_owned(),
                Some("monitorOnly") => "monitor only".to_owned(),
                Some("blockDownloads") => "block downloads".to_owned(),
                other => clean(other.unwrap_or("kind not known")),
            };
            format!("Conditional Access App Control: {kind}")
        }),
        ("continuousAccessEvaluation", |control, findings| {
            let mode = match control.text("mode", findings) {
                Some("strictEnforcement") => "strictly enforced".to_owned(),
                Some("strictLocation") => "location strictly enforced".to_owned(),
                other => clean(other.unwrap_or("mode not known")),
            };
            format!("Continuous access evaluation: {mode}")
        }),
        ("secureSignInSession", |_, _| {
            "Token protection for sign-in sessions".to_owned()
        }),
        ("globalSecureAccessFilteringProfile", |control, findings| {
            let profile = control.text("profileId", findings).unwrap_or("not known");
            format!("Global Secure Access profile: {}", clean(profile))
        }),
    ];
    let mut controls = Vec::new();
    for (key, describe) in OBJECTS {
        let Some(found) = object.object(key, findings) else {
            continue;
        };
        if found.boolean("isEnabled", findings) != Some(false) {
            controls.push(control(key, describe(&found, findings)));
        }
    }
    if object.boolean("disableResilienceDefaults", findings) == Some(true) {
        let text = "Resilience defaults: disabled".to_owned();
        controls.push(control("disableResilienceDefaults", text));
    }
    let mut known: Vec<&str> = OBJECTS.iter().map(|(key, _)| *key).collect();
    known.push("disableResilienceDefaults");
    for (key, shown) in object.unknown(&known) {
        controls.push(control(key, format!("{key}: {shown}")));
    }
    controls
}

fn frequency(control: &Object<'_>, findings: &mut Findings) -> String {
    let value = control.number("value", findings);
    let unit = control.text("type", findings);
    let interval = control.text("frequencyInterval", findings);
    let every = match (interval, value, unit) {
        (Some("everyTime"), _, _) => "every time".to_owned(),
        (_, Some(1), Some(unit)) => format!("every {}", clean(unit).trim_end_matches('s')),
        (_, Some(value), Some(unit)) => format!("every {value} {}", clean(unit)),
        (interval, _, _) => clean(interval.unwrap_or("interval not known")),
    };
    match control.text("authenticationType", findings) {
        Some("secondaryAuthentication") => {
            format!("Sign-in frequency: {every}, for multifactor authentication only")
        }
        _ => format!("Sign-in frequency: {every}"),
    }
}
