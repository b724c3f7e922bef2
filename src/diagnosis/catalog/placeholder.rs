//! What an assessment template may ask for.

/// A value of the event, or of the catalog, that a template may name in braces.
///
/// [`Who`](Placeholder::Who) always has a value, and [`Code`](Placeholder::Code) has one in
/// every scenario but `undetermined`: who renders a template guarantees both. Every other value
/// may be missing, so a template names it only inside an optional clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Placeholder {
    /// The account: a principal name, `the service principal "backup"`, or words for an
    /// account that the event does not name.
    Who,
    /// The application's name, else its id.
    Application,
    /// The resource's name, else its id.
    Resource,
    /// The client application in use: `Browser`, `Exchange ActiveSync`.
    Client,
    /// City and country, as far as the event says.
    Place,
    IpAddress,
    /// The names of the policies that decided, quoted and joined: `"A"`, `"A" and "B"`.
    Policies,
    /// The error code, digits only.
    Code,
    /// The code's symbolic name.
    CodeName,
    /// The catalog's sentence about the code, with its full stop.
    Meaning,
    /// Microsoft's own failure reason from the event. Its full stop is not doubled.
    Reason,
    /// What asked for the second factor, joined: `Conditional Access and per-user MFA`.
    Sources,
    /// The device: its name, operating system or browser.
    Device,
    /// What the deciding policies asked for, joined: `a compliant device`.
    Controls,
    /// On a success: the policies that failed all the same.
    FailedPolicies,
}

impl Placeholder {
    pub const ALL: [Placeholder; 15] = [
        Placeholder::Who,
        Placeholder::Application,
        Placeholder::Resource,
        Placeholder::Client,
        Placeholder::Place,
        Placeholder::IpAddress,
        Placeholder::Policies,
        Placeholder::Code,
        Placeholder::CodeName,
        Placeholder::Meaning,
        Placeholder::Reason,
        Placeholder::Sources,
        Placeholder::Device,
        Placeholder::Controls,
        Placeholder::FailedPolicies,
    ];

    /// The name between the braces.
    pub const fn name(self) -> &'static str {
        match self {
            Placeholder::Who => "who",
            Placeholder::Application => "application",
            Placeholder::Resource => "resource",
            Placeholder::Client => "client",
            Placeholder::Place => "place",
            Placeholder::IpAddress => "ip_address",
            Placeholder::Policies => "policies",
            Placeholder::Code => "code",
            Placeholder::CodeName => "code_name",
            Placeholder::Meaning => "meaning",
            Placeholder::Reason => "reason",
            Placeholder::Sources => "sources",
            Placeholder::Device => "device",
            Placeholder::Controls => "controls",
            Placeholder::FailedPolicies => "failed_policies",
        }
    }

    pub fn from_name(name: &str) -> Option<Placeholder> {
        Placeholder::ALL
            .into_iter()
            .find(|known| known.name() == name)
    }

    /// Whether a template may use it outside an optional clause.
    pub const fn always_has_a_value(self) -> bool {
        matches!(self, Placeholder::Who | Placeholder::Code)
    }

    /// A value of the form that the event gives, to try a template with.
    pub(super) const fn sample(self) -> &'static str {
        match self {
            Placeholder::Who => "adele@contoso.example",
            Placeholder::Application => "Expenses",
            Placeholder::Resource => "Microsoft Graph",
            Placeholder::Client => "Browser",
            Placeholder::Place => "Brno, CZ",
            Placeholder::IpAddress => "203.0.113.7",
            Placeholder::Policies => "\"Block old clients\"",
            Placeholder::Code => "53003",
            Placeholder::CodeName => "BlockedByConditionalAccess",
            Placeholder::Meaning => "A policy refused the token.",
            Placeholder::Reason => "Access has been refused.",
            Placeholder::Sources => "per-user MFA",
            Placeholder::Device => "Windows 11, Edge",
            Placeholder::Controls => "a compliant device",
            Placeholder::FailedPolicies => "\"Block legacy authentication\"",
        }
    }
}
