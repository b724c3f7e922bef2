//! What a template may ask for.

macro_rules! placeholders {
    ($($(#[$doc:meta])* $placeholder:ident = $name:literal, $sample:literal;)*) => {
        /// A value of the event, or of the catalog, that a template may name in braces.
        ///
        /// [`Who`](Placeholder::Who) always has a value, [`Code`](Placeholder::Code) in every
        /// scenario but `undetermined`, and [`Meaning`](Placeholder::Meaning) wherever the
        /// catalog knows the code: who renders a template guarantees it. Every other value may
        /// be missing, so a template names it only inside an optional clause.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Placeholder {
            $($(#[$doc])* $placeholder,)*
        }

        impl Placeholder {
            pub const ALL: [Placeholder; [$($name),*].len()] = [$(Placeholder::$placeholder),*];

            /// The name between the braces.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Placeholder::$placeholder => $name,)*
                }
            }

            /// A value of the form that the event gives, to try a template with.
            pub const fn sample(self) -> &'static str {
                match self {
                    $(Placeholder::$placeholder => $sample,)*
                }
            }
        }
    };
}

placeholders! {
    /// The account: a principal name, `the service principal "backup"`, or words for an
    /// account that the event does not name.
    Who = "who", "adele@contoso.example";
    /// What was signed in to: the application's name, else its id; where an application signed
    /// in, the resource's.
    Application = "application", "Expenses";
    /// The resource's name, else its id.
    Resource = "resource", "Microsoft Graph";
    /// The client application in use: `Browser`, `Exchange ActiveSync`.
    Client = "client", "Browser";
    /// The client application, where it means legacy authentication.
    LegacyClient = "legacy_client", "IMAP4";
    /// Place and address, as far as the event says: `Brno, CZ (203.0.113.7)`.
    Origin = "origin", "Brno, CZ (203.0.113.7)";
    /// City, state and country, as far as the event says.
    Place = "place", "Brno, CZ";
    IpAddress = "ip_address", "203.0.113.7";
    /// The named locations that the address belongs to.
    NetworkLocations = "network_locations", "the trusted named location \"HQ\"";
    /// The level of the sign-in's risk and what was detected: `high (unfamiliarFeatures)`.
    Risk = "risk", "high (unfamiliarFeatures)";
    /// The device: its name, operating system or browser.
    Device = "device", "Windows 11, Edge";
    /// Operating system and browser of a device of which the event has neither id nor name.
    UnidentifiedDevice = "unidentified_device", "Windows 11, Edge";
    /// What the event reports of the device: `not compliant, Microsoft Entra joined`.
    DeviceState = "device_state", "not compliant, Microsoft Entra joined";
    /// What was supplied: `Password and Text message`, `a client secret`.
    Methods = "methods", "Password and Text message";
    /// What became of the second factor: `was completed`, `was declined by the user`.
    SecondFactor = "second_factor", "was completed";
    /// What asked for the second factor, joined: `Conditional Access and per-user MFA`.
    Sources = "sources", "per-user MFA";
    /// The policies that decided, on a success those that were satisfied, quoted and joined:
    /// `"A"`, `"A" and "B"`.
    Policies = "policies", "\"Block old clients\"";
    /// The same where they are policies with the Block control.
    Blocking = "blocking", "\"Block old clients\"";
    /// What those policies asked for: `a compliant device`. Of one policy with several controls
    /// `and/or`, where no policy snapshot tells whether one is enough.
    Controls = "controls", "a compliant device";
    /// The conditions of those policies that matched: `application, users and location`.
    Conditions = "conditions", "application, users and location";
    /// On a success: the policies that failed all the same.
    FailedPolicies = "failed_policies", "\"Block legacy authentication\"";
    /// How many policies the event lists, where none of them was enforced and there are
    /// several: `5 Conditional Access policies`.
    Evaluated = "evaluated", "5 Conditional Access policies";
    /// Which policies did not apply, and why.
    NotApplied = "not_applied", "\"Macs\" did not apply: device platform did not match";
    /// What report-only policies would have done.
    ReportOnly = "report_only", "\"Trial\" would have blocked it";
    /// The error code, digits only.
    Code = "code", "53003";
    /// The code's symbolic name.
    CodeName = "code_name", "BlockedByConditionalAccess";
    /// The catalog's sentence about the code, with its full stop.
    Meaning = "meaning", "A policy refused the token.";
    /// Microsoft's own failure reason from the event. Its full stop is not doubled.
    Reason = "reason", "Access has been refused.";
    RequestId = "request_id", "6f1d2a9c-0000-4000-8000-00000000a100";
    CorrelationId = "correlation_id", "c0ffee00-0000-4000-8000-000000000001";
    /// When the sign-in happened, in UTC.
    Time = "time", "2026-03-02T08:14:55.123Z";
    /// The tenant's id.
    Tenant = "tenant", "11111111-aaaa-4000-8000-000000000001";
    /// The application's id, else its name.
    ApplicationId = "application_id", "33333333-cccc-4000-8000-00000000000b";
}

impl Placeholder {
    pub fn from_name(name: &str) -> Option<Placeholder> {
        Placeholder::ALL
            .into_iter()
            .find(|known| known.name() == name)
    }

    /// Whether a template may use it outside an optional clause.
    pub const fn always_has_a_value(self) -> bool {
        matches!(
            self,
            Placeholder::Who | Placeholder::Code | Placeholder::Meaning
        )
    }
}
