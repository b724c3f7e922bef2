//! One configured value of a condition: its text, and whether a sign-in matches it.
use std::sync::Arc;

use uuid::Uuid;

use super::directory::Members;
use super::facts::Facts;
use super::json::clean;
use super::locations::NamedLocation;
use crate::signin::{Address, Location, Privacy, User, is_hybrid_joined};

/// Whether a sign-in matches what is configured.
///
/// It rests on the snapshot and on this event alone. Where the event itself reports that a
/// condition was satisfied or not, the event is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    Matches,
    DoesNotMatch,
    NotKnown,
}

use Answer::{DoesNotMatch, Matches, NotKnown};

impl Answer {
    pub(super) const fn of(matches: bool) -> Answer {
        if matches { Matches } else { DoesNotMatch }
    }

    fn of_known(matches: Option<bool>) -> Answer {
        matches.map_or(NotKnown, Answer::of)
    }

    /// One that matches is enough; of none, none does.
    pub(super) fn any(answers: impl Iterator<Item = Answer>) -> Answer {
        let mut any = DoesNotMatch;
        for answer in answers {
            match answer {
                Matches => return Matches,
                NotKnown => any = NotKnown,
                DoesNotMatch => {}
            }
        }
        any
    }
}

/// A value of a condition.
#[derive(Debug, Clone)]
pub struct Value {
    text: String,
    test: Test,
    /// Whether a sign-in matches it may not be shown.
    hidden: bool,
}

/// How a value is compared with a sign-in.
#[derive(Debug, Clone)]
pub(super) enum Test {
    Everything,
    Nothing,
    /// Neither event nor snapshot can tell.
    Untold,
    AnyUser,
    User(String),
    Guest,
    External(External),
    Group(Option<Arc<Members>>),
    Role(Option<Arc<Members>>),
    Application(String),
    ServicePrincipal(String),
    ClientApp(ClientApp),
    Platform(Platform),
    /// `None`: not in the export.
    Location(Option<Arc<NamedLocation>>),
    Trusted(Arc<[Arc<NamedLocation>]>),
    Risk(Risk, String),
    Compliant,
    HybridJoined,
    Transfer(String),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Risk {
    SignIn,
    User,
    ServicePrincipal,
    Insider,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientApp {
    Browser,
    Modern,
    ExchangeActiveSync,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Android,
    Ios,
    Windows,
    WindowsPhone,
    MacOs,
    Linux,
}

/// Kinds of guests and external users, as Graph names them, and of which tenants.
#[derive(Debug, Clone)]
pub(super) struct External {
    pub kinds: Vec<String>,
    /// `None`: of every tenant.
    pub tenants: Option<Vec<String>>,
}

impl Value {
    pub(super) fn new(text: impl Into<String>, compared: Test) -> Value {
        Value {
            text: text.into(),
            test: compared,
            hidden: false,
        }
    }

    /// Names a user as `privacy` allows; any other value stays.
    pub(super) fn hide_user(&mut self, privacy: &Privacy) {
        if let Test::User(id) = &self.test {
            self.text = match privacy.shown::<User>(id) {
                Some(shown) => format!("User: {}", clean(&shown)),
                None => "A single user".to_owned(),
            };
        }
    }

    /// Keeps to itself which places a sign-in came from, and which places there are, where
    /// `privacy` does not allow to show it: beside a name that is left out, the one that is
    /// configured would tell it.
    pub(super) fn hide_place(&mut self, privacy: &Privacy) {
        let hides = !privacy.keeps::<Location>() || !privacy.keeps::<Address>();
        if hides && matches!(self.test, Test::Location(_) | Test::Trusted(_)) {
            self.hidden = true;
        }
        if hides && matches!(self.test, Test::Location(_)) {
            "A named location".clone_into(&mut self.text);
        }
    }

    /// As an administrator reads it: `Group: Finance`, `All users`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the sign-in is among what the value stands for.
    pub fn answer(&self, facts: &Facts<'_>) -> Answer {
        let is = |fact: Option<&str>, value: &str| {
            Answer::of_known(fact.map(|fact| fact.eq_ignore_ascii_case(value)))
        };
        match &self.test {
            Test::Everything => Matches,
            Test::Nothing => DoesNotMatch,
            Test::Untold => NotKnown,
            Test::AnyUser => match (facts.user_id, facts.service_principal_id) {
                (Some(_), _) => Matches,
                (None, Some(_)) => DoesNotMatch,
                (None, None) => NotKnown,
            },
            Test::User(id) => is(facts.user_id, id),
            Test::Guest => guest(facts),
            Test::External(external) => external.answer(facts),
            Test::Group(members) => members
                .as_ref()
                .map_or(NotKnown, |members| members.answer(facts)),
            // A role may have been activated after the export.
            Test::Role(holders) => match holders.as_ref().map(|holders| holders.answer(facts)) {
                Some(Matches) => Matches,
                _ => NotKnown,
            },
            Test::Application(id) => Answer::any(
                [facts.resource_id, facts.app_id]
                    .into_iter()
                    .map(|fact| is(fact, id)),
            ),
            Test::ServicePrincipal(id) => is(facts.service_principal_id, id),
            Test::ClientApp(app) => Answer::of_known(
                facts
                    .client_app
                    .and_then(ClientApp::of)
                    .map(|of| of == *app),
            ),
            Test::Platform(platform) => Answer::of_known(
                facts
                    .operating_system
                    .and_then(Platform::of)
                    .map(|of| of == *platform),
            ),
            Test::Location(location) => location
                .as_ref()
                .map_or(NotKnown, |location| location.answer(facts)),
            Test::Trusted(locations) => {
                if facts.names_network(None)
                    || locations.iter().any(|place| place.answer(facts) == Matches)
                {
                    Matches
                } else {
                    // The trusted addresses of per-user MFA count too, and no export has them.
                    NotKnown
                }
            }
            Test::Risk(of, level) => {
                let risk = match of {
                    Risk::SignIn => facts.sign_in_risk,
                    Risk::User => facts.user_risk,
                    Risk::ServicePrincipal => facts.service_principal_risk,
                    Risk::Insider => facts.insider_risk,
                };
                // "hidden" says that the tenant's licence does not show it.
                is(
                    risk.filter(|level| !level.eq_ignore_ascii_case("hidden")),
                    level,
                )
            }
            Test::Compliant => Answer::of_known(facts.is_compliant),
            Test::HybridJoined => Answer::of_known(facts.trust_type.map(is_hybrid_joined)),
            Test::Transfer(method) => transfer(facts, method),
        }
    }

    /// The same as far as it may be shown.
    pub fn shown_answer(&self, facts: &Facts<'_>) -> Answer {
        if self.hidden {
            NotKnown
        } else {
            self.answer(facts)
        }
    }

    /// What `answer` means for this value, where the value alone does not say it: `the user is a
    /// member`.
    pub fn remark(&self, answer: Answer) -> Option<&'static str> {
        Some(match (&self.test, answer) {
            (Test::Group(_), Matches) => "the user is a member",
            (Test::Group(_), DoesNotMatch) => "the user is not a member",
            (Test::Group(_), NotKnown) => "membership not known",
            (Test::Role(_), Matches) => "the user holds the role",
            (Test::Role(Some(holders)), NotKnown) if holders.complete => {
                "not held by the user when the snapshot was made"
            }
            (Test::Role(_), NotKnown) => "assignment not known",
            (Test::User(_), Matches) => "this user",
            (Test::Location(_) | Test::Trusted(_), Matches) => "the sign-in came from there",
            _ => return None,
        })
    }
}

fn guest(facts: &Facts<'_>) -> Answer {
    match facts.user_type {
        Some(kind) if kind.eq_ignore_ascii_case("guest") => Matches,
        // A member may be of another tenant, which makes him an external user too.
        Some(kind) if kind.eq_ignore_ascii_case("member") => {
            match (facts.home_tenant_id, facts.tenant_id) {
                (Some(home), Some(tenant)) if home.eq_ignore_ascii_case(tenant) => DoesNotMatch,
                _ => NotKnown,
            }
        }
        _ => NotKnown,
    }
}

impl External {
    fn answer(&self, facts: &Facts<'_>) -> Answer {
        let Some(kind) = External::kind(facts) else {
            return NotKnown;
        };
        if !self.kinds.iter().any(|of| of.eq_ignore_ascii_case(kind)) {
            return DoesNotMatch;
        }
        match &self.tenants {
            Some(tenants) if kind != "internalGuest" => {
                Answer::of_known(facts.home_tenant_id.map(|home| {
                    tenants
                        .iter()
                        .any(|tenant| tenant.eq_ignore_ascii_case(home))
                }))
            }
            _ => Matches,
        }
    }

    /// Which kind of guest or external user the user of a sign-in is; empty: neither.
    fn kind(facts: &Facts<'_>) -> Option<&'static str> {
        let is_guest = match facts.user_type? {
            kind if kind.eq_ignore_ascii_case("guest") => true,
            kind if kind.eq_ignore_ascii_case("member") => false,
            _ => return None,
        };
        match (facts.cross_tenant_access_type?, is_guest) {
            ("b2bCollaboration", true) => Some("b2bCollaborationGuest"),
            ("b2bCollaboration", false) => Some("b2bCollaborationMember"),
            ("b2bDirectConnect", _) => Some("b2bDirectConnectUser"),
            ("serviceProvider", _) => Some("serviceProvider"),
            ("none", true) => Some("internalGuest"),
            ("none", false) => Some(""),
            _ => None,
        }
    }
}

impl ClientApp {
    /// By `clientAppUsed`. Legacy clients that have names of their own are "other" to Entra.
    fn of(name: &str) -> Option<ClientApp> {
        const OTHER: [&str; 13] = [
            "Other clients",
            "IMAP4",
            "POP3",
            "SMTP",
            "Authenticated SMTP",
            "MAPI Over HTTP",
            "Exchange Web Services",
            "Exchange Online PowerShell",
            "Offline Address Book",
            "Outlook Anywhere (RPC over HTTP)",
            "Outlook Service",
            "Autodiscover",
            "Reporting Web Services",
        ];
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("Browser") {
            Some(ClientApp::Browser)
        } else if is("Mobile Apps and Desktop clients") {
            Some(ClientApp::Modern)
        } else if is("Exchange ActiveSync") {
            Some(ClientApp::ExchangeActiveSync)
        } else if OTHER.into_iter().any(is) {
            Some(ClientApp::Other)
        } else {
            None
        }
    }
}

impl Platform {
    /// By the operating system of the event, such as `Windows 10` or `Ios 17.1`.
    fn of(system: &str) -> Option<Platform> {
        // "Windows Phone" stands before "Windows", which it starts with.
        const STARTS: [(&str, Platform); 9] = [
            ("windows phone", Platform::WindowsPhone),
            ("windowsphone", Platform::WindowsPhone),
            ("windows", Platform::Windows),
            ("android", Platform::Android),
            ("ios", Platform::Ios),
            ("ipados", Platform::Ios),
            ("macos", Platform::MacOs),
            ("mac os", Platform::MacOs),
            ("linux", Platform::Linux),
        ];
        STARTS.into_iter().find_map(|(start, platform)| {
            let same = system.get(..start.len())?.eq_ignore_ascii_case(start);
            same.then_some(platform)
        })
    }
}

fn transfer(facts: &Facts<'_>, method: &str) -> Answer {
    let says = [facts.transfer_method, facts.authentication_protocol];
    // The protocol calls it deviceCode, the method deviceCodeFlow.
    let same = |said: &str| {
        said.eq_ignore_ascii_case(method)
            || (said.eq_ignore_ascii_case("deviceCode")
                && method.eq_ignore_ascii_case("deviceCodeFlow"))
    };
    if says.into_iter().flatten().any(same) {
        Matches
    } else {
        Answer::of_known(facts.transfer_method.map(|_| false))
    }
}

/// An id as it is compared: GUIDs are, whatever their spelling.
pub(super) fn guid(id: &str) -> Option<u128> {
    Uuid::try_parse(id.trim()).ok().map(|id| id.as_u128())
}
