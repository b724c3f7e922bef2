//! The company's Conditional Access policies, and what each reports of an attempt.
//!
//! Results, masks and the ending of a sign-in agree: a policy reports a failure only where it
//! decided or where the second factor it wants is missing, and one that was not applied names
//! the condition that did not match.
use std::fmt::Write as _;

use super::attempt::{Attempt, Factor, Network, Requirement, Risk};
use super::endings::{Decided, Ending};
use super::random::Random;
use super::tenant::{Tenant, User};
use crate::signin::Category;

const APPLICATION: u32 = 1;
const USERS: u32 = 2;
const PLATFORM: u32 = 4;
const LOCATION: u32 = 8;
const CLIENT_TYPE: u32 = 16;
const SIGN_IN_RISK: u32 = 32;
const DEVICE: u32 = 256;
const ADDRESS: u32 = 1024;
const SERVICE_PRINCIPALS: u32 = 8192;
const FLOWS: u32 = 32768;

/// The policies of the largest tenants' records.
const LONGEST_LIST: usize = 55;

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    SecondFactor,
    AdminSecondFactor,
    GuestSecondFactor,
    LegacyClients,
    Countries,
    Risk,
    DeviceCodeFlow,
    CompliantDevice,
    JoinedDevice,
    ApprovedApp,
    SignInFrequency,
    Workloads,
    /// The one that goes wrong.
    UnmanagedDevices,
    /// Other applications, groups or platforms than this sign-in's: the conditions of the mask
    /// never match.
    Elsewhere(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    On,
    ReportOnly,
    Off,
}

pub struct Policies {
    list: Vec<Policy>,
}

struct Policy {
    /// The entry up to the value of `result`.
    head: String,
    aim: Aim,
    state: State,
    conditions: u32,
}

/// Name, aim, state, configured conditions, grant controls, session controls.
type Row = (&'static str, Aim, State, u32, &'static str, &'static str);

const BASE: u32 = APPLICATION | USERS;

/// The first one is the policy of the spike; the rest stand in the order of the records' lists.
#[rustfmt::skip]
static TABLE: [Row; 22] = [
    ("CA118 - Block unmanaged devices for all cloud apps", Aim::UnmanagedDevices, State::On, BASE | DEVICE, "\"Block\"", ""),
    ("CA010 - Require MFA outside of trusted networks", Aim::SecondFactor, State::On, BASE | LOCATION, "\"Mfa\"", ""),
    ("CA001 - Block legacy authentication", Aim::LegacyClients, State::On, BASE | CLIENT_TYPE, "\"Block\"", ""),
    ("CA020 - Require a compliant device for the intranet", Aim::CompliantDevice, State::On, BASE, "\"RequireCompliantDevice\"", ""),
    ("CA030 - Sign-in frequency for browsers", Aim::SignInFrequency, State::On, BASE | CLIENT_TYPE, "", "\"SignInFrequency\""),
    ("CA002 - Block countries without business", Aim::Countries, State::On, BASE | LOCATION, "\"Block\"", ""),
    ("CA003 - Block high sign-in risk", Aim::Risk, State::On, BASE | SIGN_IN_RISK, "\"Block\"", ""),
    ("CA011 - Require MFA for administrators", Aim::AdminSecondFactor, State::On, BASE, "\"Mfa\"", ""),
    ("CA040 - Require a compliant device for everything", Aim::CompliantDevice, State::ReportOnly, BASE, "\"RequireCompliantDevice\"", ""),
    ("CA005 - Block device code flow", Aim::DeviceCodeFlow, State::On, BASE | FLOWS, "\"Block\"", ""),
    ("CA041 - Block addresses of the watch list", Aim::Countries, State::ReportOnly, BASE | LOCATION | ADDRESS, "\"Block\"", ""),
    ("CA012 - Guests: MFA and terms of use", Aim::GuestSecondFactor, State::On, BASE, "\"Mfa\",\"Contoso terms of use\"", ""),
    ("CA042 - Require MFA for everything", Aim::SecondFactor, State::ReportOnly, BASE, "\"Mfa\"", ""),
    ("CA021 - Require a joined device for finance", Aim::JoinedDevice, State::On, BASE | PLATFORM, "\"RequireDomainJoinedDevice\"", ""),
    ("CA050 - Pilot: passwordless", Aim::SecondFactor, State::Off, BASE, "\"Mfa\"", ""),
    ("CA022 - Require an approved app for mail", Aim::ApprovedApp, State::On, BASE | CLIENT_TYPE, "\"RequireApprovedApp\"", ""),
    ("CA031 - Limited access for unmanaged browsers", Aim::Elsewhere(DEVICE | CLIENT_TYPE | BASE), State::On, BASE | DEVICE, "", "\"AppEnforcedRestrictions\""),
    ("CA051 - Old: finance \\\\u0026 audit", Aim::Elsewhere(BASE), State::Off, BASE, "\"Mfa\",\"RequireDomainJoinedDevice\"", ""),
    ("CA032 - Monitor downloads of partners", Aim::Elsewhere(USERS), State::On, BASE, "", "\"CloudAppSecurity\""),
    ("CA006 - Block IP block list", Aim::Elsewhere(LOCATION | ADDRESS), State::On, BASE | LOCATION | ADDRESS, "\"Block\"", ""),
    ("CA052 - Old: custom control", Aim::Elsewhere(APPLICATION), State::Off, BASE, "\"Contoso custom control\"", ""),
    ("CA060 - Workload identities only from the data centre", Aim::Workloads, State::On, SERVICE_PRINCIPALS | LOCATION, "\"Block\"", ""),
];

const SPIKE: usize = 0;

impl Policies {
    pub fn new(random: &mut Random) -> Policies {
        let mut list: Vec<Policy> = TABLE
            .iter()
            .map(|(name, aim, state, conditions, grant, session)| Policy {
                head: head(name, grant, session, random),
                aim: *aim,
                state: *state,
                conditions: *conditions,
            })
            .collect();
        for n in list.len()..=LONGEST_LIST {
            let missed = *random.pick(&[
                APPLICATION,
                USERS,
                BASE,
                PLATFORM | BASE,
                USERS | CLIENT_TYPE,
            ]);
            let state = *random.pick(&[State::On, State::On, State::On, State::ReportOnly]);
            list.push(Policy {
                head: head(
                    &format!(
                        "CA{:03} - Department {n}: require MFA or a joined device",
                        140 + n
                    ),
                    "\"Mfa\",\"RequireDomainJoinedDevice\"",
                    "",
                    random,
                ),
                aim: Aim::Elsewhere(missed),
                state,
                conditions: BASE | missed,
            });
        }
        Policies { list }
    }

    pub fn aim(&self, policy: usize) -> Aim {
        self.list[policy].aim
    }

    /// The policy that caused a new kind of block.
    pub const fn spike() -> usize {
        SPIKE
    }

    /// A policy that ends a sign-in in this way.
    pub fn decider(&self, ending: &Ending, category: Category, random: &mut Random) -> usize {
        let aims: &[Aim] = match ending.decided {
            _ if !category.is_user() => &[Aim::Workloads],
            Decided::Device => match ending.code {
                53001 => &[Aim::JoinedDevice],
                53002 => &[Aim::ApprovedApp],
                _ => &[Aim::CompliantDevice],
            },
            Decided::Session => &[Aim::SignInFrequency],
            _ => &[
                Aim::Countries,
                Aim::LegacyClients,
                Aim::Risk,
                Aim::DeviceCodeFlow,
            ],
        };
        let aim = *random.pick(aims);
        self.list
            .iter()
            .position(|policy| policy.aim == aim && policy.state == State::On)
            .unwrap_or(SPIKE)
    }

    /// Writes the elements of `appliedConditionalAccessPolicies`; gives the status that follows
    /// from them.
    pub fn write(&self, attempt: &Attempt, tenant: &Tenant, out: &mut String) -> &'static str {
        if !attempt.category.is_user() {
            if let Some(decider) = attempt.decider {
                self.entry(decider, attempt, None, out);
                return "failure";
            }
            return "notApplied";
        }
        if attempt.ending.decided == Decided::BeforePolicies {
            return "notApplied";
        }
        let user = attempt.user(tenant);
        let first = usize::from(!attempt.after_spike);
        let end = (first + attempt.listed_policies as usize).min(self.list.len());
        let beyond = attempt.decider.filter(|decider| *decider >= end);

        let mut status = "notApplied";
        let start = out.len();
        for policy in (first..end).chain(beyond) {
            if self.list[policy].aim == Aim::Workloads {
                continue;
            }
            if out.len() > start {
                out.push(',');
            }
            match self.entry(policy, attempt, Some(user), out) {
                "failure" => status = "failure",
                "success" if status != "failure" => status = "success",
                _ => {}
            }
        }
        status
    }

    fn entry(
        &self,
        policy: usize,
        attempt: &Attempt,
        user: Option<&User>,
        out: &mut String,
    ) -> &'static str {
        let entry = &self.list[policy];
        let decided = attempt.decider == Some(policy);
        let missed = match user {
            Some(user) if !decided => entry.missed(attempt, user),
            _ => 0,
        };
        let result = entry.result(missed, decided, attempt, user);
        let (satisfied, not_satisfied) = match entry.state {
            State::Off => (0, 0),
            _ => (entry.conditions & !missed, missed),
        };
        out.push_str(&entry.head);
        out.push_str(result);
        // Writing to a String does not fail.
        let _ = write!(
            out,
            "\",\"conditionsSatisfied\":{satisfied},\"conditionsNotSatisfied\":{not_satisfied}}}"
        );
        result
    }
}

impl Policy {
    /// The conditions of the policy that the attempt does not meet.
    // The arms of an aim are read in order; merged, they would no longer be.
    #[allow(clippy::match_same_arms)]
    fn missed(&self, attempt: &Attempt, user: &User) -> u32 {
        let required = attempt.requirement == Requirement::Policy;
        let compliant = attempt.known_device && user.device.is_compliant;
        match self.aim {
            Aim::SecondFactor if self.state == State::ReportOnly => 0,
            Aim::SecondFactor if required => 0,
            Aim::SecondFactor if matches!(attempt.network, Network::Office(_)) => LOCATION,
            Aim::SecondFactor => APPLICATION,
            Aim::AdminSecondFactor if !user.is_admin => USERS,
            Aim::AdminSecondFactor if !required => APPLICATION,
            Aim::GuestSecondFactor if !user.is_guest => USERS,
            Aim::GuestSecondFactor if !required => APPLICATION,
            Aim::LegacyClients if !attempt.legacy_client => CLIENT_TYPE,
            Aim::Countries if !matches!(attempt.network, Network::Foreign(_)) => {
                self.conditions & (LOCATION | ADDRESS)
            }
            Aim::Risk if attempt.risk != Risk::High => SIGN_IN_RISK,
            Aim::DeviceCodeFlow => FLOWS,
            Aim::CompliantDevice if self.state == State::ReportOnly => 0,
            Aim::CompliantDevice if !compliant => APPLICATION,
            Aim::JoinedDevice => APPLICATION,
            Aim::ApprovedApp => APPLICATION | CLIENT_TYPE,
            Aim::SignInFrequency if attempt.category != Category::Interactive => CLIENT_TYPE,
            Aim::Workloads => SERVICE_PRINCIPALS,
            Aim::UnmanagedDevices => DEVICE,
            Aim::Elsewhere(missed) => missed,
            // Everything matches, yet another policy or nobody decided: out of scope after all.
            Aim::LegacyClients | Aim::Countries | Aim::Risk if self.state == State::On => USERS,
            _ => 0,
        }
    }

    fn result(
        &self,
        missed: u32,
        decided: bool,
        attempt: &Attempt,
        user: Option<&User>,
    ) -> &'static str {
        let satisfied = match self.aim {
            _ if decided => false,
            Aim::SecondFactor | Aim::AdminSecondFactor | Aim::GuestSecondFactor => {
                attempt.factor.is_given()
            }
            Aim::CompliantDevice => {
                attempt.known_device && user.is_some_and(|user| user.device.is_compliant)
            }
            Aim::Countries => false,
            _ => true,
        };
        match (self.state, missed, satisfied) {
            (State::Off, _, _) => "notEnabled",
            (State::On, 0, true) => "success",
            (State::On, 0, false) => "failure",
            (State::On, _, _) => "notApplied",
            (State::ReportOnly, 0, true) => "reportOnlySuccess",
            // The user would be asked, not refused.
            (State::ReportOnly, 0, false)
                if self.aim == Aim::SecondFactor && attempt.factor != Factor::Denied =>
            {
                "reportOnlyInterrupted"
            }
            (State::ReportOnly, 0, false) => "reportOnlyFailure",
            (State::ReportOnly, _, _) => "reportOnlyNotApplied",
        }
    }
}

fn head(name: &str, grant: &str, session: &str, random: &mut Random) -> String {
    format!(
        "{{\"id\":\"{}\",\"displayName\":\"{name}\",\"enforcedGrantControls\":[{grant}],\
         \"enforcedSessionControls\":[{session}],\"result\":\"",
        random.guid()
    )
}
