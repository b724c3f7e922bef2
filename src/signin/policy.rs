//! One entry of `appliedConditionalAccessPolicies`.
use super::conditions::Conditions;
use super::text::Text;

/// A Conditional Access policy as the event reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliedPolicy<'a> {
    pub id: Option<Text<'a>>,
    pub display_name: Option<Text<'a>>,
    pub result: PolicyResult<'a>,
    pub grant_controls: GrantControls<'a>,
    /// `enforcedSessionControls`, as spelled in the event.
    pub session_controls: Vec<Text<'a>>,
    pub session_controls_not_satisfied: Vec<Text<'a>>,
    pub conditions_satisfied: Conditions<'a>,
    pub conditions_not_satisfied: Conditions<'a>,
    pub include_rules: Vec<RuleSatisfied<'a>>,
    pub exclude_rules: Vec<RuleSatisfied<'a>>,
    /// `authenticationStrength.displayName`.
    pub authentication_strength: Option<Text<'a>>,
}

impl<'a> AppliedPolicy<'a> {
    /// Becomes the same as `other`, in the memory that it has.
    pub(super) fn copy_from(&mut self, other: &AppliedPolicy<'a>) {
        let AppliedPolicy {
            id,
            display_name,
            result,
            grant_controls,
            session_controls,
            session_controls_not_satisfied,
            conditions_satisfied,
            conditions_not_satisfied,
            include_rules,
            exclude_rules,
            authentication_strength,
        } = other;
        self.id.clone_from(id);
        self.display_name.clone_from(display_name);
        self.result.clone_from(result);
        self.grant_controls.known = grant_controls.known;
        self.grant_controls.other.clone_from(&grant_controls.other);
        self.session_controls.clone_from(session_controls);
        self.session_controls_not_satisfied
            .clone_from(session_controls_not_satisfied);
        for (own, other) in [
            (&mut self.conditions_satisfied, conditions_satisfied),
            (&mut self.conditions_not_satisfied, conditions_not_satisfied),
        ] {
            own.bits = other.bits;
            own.other.clone_from(&other.other);
        }
        self.include_rules.clone_from(include_rules);
        self.exclude_rules.clone_from(exclude_rules);
        self.authentication_strength
            .clone_from(authentication_strength);
    }
}

/// Graph lists security defaults as a policy of this id; it is no Conditional Access policy.
pub const SECURITY_DEFAULTS_ID: &str = "SecurityDefaults";

/// An element of `includeRulesSatisfied` or `excludeRulesSatisfied` (Graph beta).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleSatisfied<'a> {
    pub condition: Option<Text<'a>>,
    pub rule: Option<Text<'a>>,
}

/// `result` of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PolicyResult<'a> {
    Success,
    Failure,
    NotApplied,
    NotEnabled,
    ReportOnlySuccess,
    ReportOnlyFailure,
    ReportOnlyNotApplied,
    ReportOnlyInterrupted,
    /// `unknown`, `unknownFutureValue`, or no result at all.
    #[default]
    Unknown,
    /// A value of another name, as spelled in the event.
    Other(Text<'a>),
}

/// The names of Graph's enumeration, in its order, which is the number of 2018.
static RESULTS: [(&str, PolicyResult<'static>); 10] = [
    ("success", PolicyResult::Success),
    ("failure", PolicyResult::Failure),
    ("notApplied", PolicyResult::NotApplied),
    ("notEnabled", PolicyResult::NotEnabled),
    ("unknown", PolicyResult::Unknown),
    ("unknownFutureValue", PolicyResult::Unknown),
    ("reportOnlySuccess", PolicyResult::ReportOnlySuccess),
    ("reportOnlyFailure", PolicyResult::ReportOnlyFailure),
    ("reportOnlyNotApplied", PolicyResult::ReportOnlyNotApplied),
    ("reportOnlyInterrupted", PolicyResult::ReportOnlyInterrupted),
];

impl PolicyResult<'static> {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        RESULTS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, result)| result.clone())
    }

    pub(super) fn from_number(number: i64) -> Option<Self> {
        let (_, result) = RESULTS.get(usize::try_from(number).ok()?)?;
        Some(result.clone())
    }
}

/// A grant control with a name of its own in `enforcedGrantControls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantControl {
    Block,
    Mfa,
    CompliantDevice,
    DomainJoinedDevice,
    ApprovedApp,
    CompliantApp,
    PasswordChange,
}

impl GrantControl {
    /// Each control with the spellings seen in the stream and in Graph, the stream's first.
    pub const ALL: [(GrantControl, &'static [&'static str]); 7] = [
        (GrantControl::Block, &["Block"]),
        (GrantControl::Mfa, &["Mfa"]),
        (
            GrantControl::CompliantDevice,
            &["RequireCompliantDevice", "CompliantDevice"],
        ),
        (
            GrantControl::DomainJoinedDevice,
            &["RequireDomainJoinedDevice", "DomainJoinedDevice"],
        ),
        (
            GrantControl::ApprovedApp,
            &["RequireApprovedApp", "ApprovedApplication"],
        ),
        (
            GrantControl::CompliantApp,
            &["RequireCompliantApp", "CompliantApplication"],
        ),
        (
            GrantControl::PasswordChange,
            &["PasswordChange", "RequirePasswordChange"],
        ),
    ];

    pub fn from_name(name: &str) -> Option<GrantControl> {
        GrantControl::ALL
            .into_iter()
            .find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .map(|(control, _)| control)
    }
}

/// `enforcedGrantControls`: the known controls as a set, without an allocation, and the names
/// of custom controls, terms of use and authentication strengths as the event spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantControls<'a> {
    known: u8,
    pub other: Vec<Text<'a>>,
}

impl GrantControls<'_> {
    pub const fn insert(&mut self, control: GrantControl) {
        self.known |= 1 << control as u8;
    }

    pub const fn contains(&self, control: GrantControl) -> bool {
        self.known & (1 << control as u8) != 0
    }

    pub fn is_empty(&self) -> bool {
        self.known == 0 && self.other.is_empty()
    }

    /// Whether it is `control` and nothing else.
    pub fn is_only(&self, control: GrantControl) -> bool {
        self.known == 1 << control as u8 && self.other.is_empty()
    }

    /// Whether one of them has a name of its own.
    pub const fn has_known(&self) -> bool {
        self.known != 0
    }

    /// Forgets everything but capacities.
    pub(super) fn clear(&mut self) {
        self.known = 0;
        self.other.clear();
    }

    /// The known controls, in the order of [`GrantControl::ALL`].
    pub fn known(&self) -> impl Iterator<Item = (GrantControl, &'static str)> + '_ {
        GrantControl::ALL
            .into_iter()
            .filter(|(control, _)| self.contains(*control))
            .map(|(control, names)| (control, names[0]))
    }
}
