//! One sign-in of the fictitious company, as a value: who, where, and how it ended.
//!
//! Everything the record says follows from it, so the same attempt written twice gives the same
//! bytes: a repeat is the attempt again, an update the attempt with something changed.
use chrono::{DateTime, TimeDelta, Utc};

use super::endings::{Decided, Ending};
use super::policies::{Aim, Policies};
use super::random::{Guid, Random};
use super::tenant::{FOREIGN_PLACES, Place, Tenant, User};
use crate::signin::Category;

#[derive(Clone)]
pub struct Attempt {
    pub id: Guid,
    pub original_id: Guid,
    pub correlation_id: Guid,
    pub category: Category,
    /// Index of the user or the workload, by category.
    pub account: usize,
    pub app: usize,
    pub resource: usize,
    /// When the sign-in happened.
    pub created: DateTime<Utc>,
    /// When the log had it: minutes later.
    pub logged: DateTime<Utc>,
    pub ending: &'static Ending,
    pub requirement: Requirement,
    pub factor: Factor,
    pub place: &'static Place,
    pub network: Network,
    pub risk: Risk,
    /// The policy that refused the sign-in, where one did.
    pub decider: Option<usize>,
    /// How many policies the record lists.
    pub listed_policies: u32,
    /// Whether the policy of the spike exists already.
    pub after_spike: bool,
    pub legacy_client: bool,
    /// Whether it came from the user's own device, which the company knows.
    pub known_device: bool,
    /// For what no other field depends on.
    pub seed: u64,
}

/// Who required a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    Nobody,
    Policy,
    PerUser,
}

/// What became of the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    NotAsked,
    /// Satisfied by a claim in the token.
    Claim,
    Performed,
    Pending,
    Denied,
}

impl Factor {
    pub const fn is_given(self) -> bool {
        matches!(self, Factor::Claim | Factor::Performed)
    }
}

/// Where the address is from, with the last part of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Office(u32),
    Home(u32),
    Mobile(u32),
    Foreign(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    None,
    Low,
    Medium,
    High,
}

impl Attempt {
    /// The last steps of a story: the same person, application and flow, ended otherwise.
    pub fn next_step(
        &self,
        ending: &'static Ending,
        policies: &Policies,
        random: &mut Random,
    ) -> Attempt {
        let mut next = Attempt {
            id: random.guid(),
            seed: random.next(),
            ending,
            ..self.clone()
        };
        if self.factor == Factor::Pending && ending.decided == Decided::Granted {
            next.factor = Factor::Performed;
        }
        next.decide(policies, random);
        next
    }

    /// Makes the rest of the event agree with how it ended.
    pub fn decide(&mut self, policies: &Policies, random: &mut Random) {
        self.decider = None;
        match self.ending.decided {
            Decided::Granted => {}
            Decided::BeforePolicies => {
                self.requirement = Requirement::Nobody;
                self.factor = Factor::NotAsked;
            }
            Decided::SecondFactor | Decided::SecondFactorDenied => {
                if self.requirement == Requirement::Nobody {
                    self.requirement = if random.chance(7_000) {
                        Requirement::Policy
                    } else {
                        Requirement::PerUser
                    };
                }
                self.factor = if self.ending.decided == Decided::SecondFactor {
                    Factor::Pending
                } else {
                    Factor::Denied
                };
            }
            Decided::Block | Decided::Device | Decided::Session => {
                if self.requirement != Requirement::Nobody {
                    self.factor = Factor::Claim;
                }
                let decider = policies.decider(self.ending, self.category, random);
                self.decider = Some(decider);
                self.fit(policies, decider, random);
            }
        }
        if self.requirement == Requirement::Policy && matches!(self.network, Network::Office(_)) {
            // The policy leaves the office out.
            self.network = Network::Home(random.between(1, 254));
        } else if self.requirement == Requirement::Nobody
            && self.ending.decided == Decided::Granted
            && self.category.is_user()
        {
            self.network = Network::Office(random.between(1, 254));
        }
    }

    /// Gives the event what the deciding policy looks for.
    fn fit(&mut self, policies: &Policies, decider: usize, random: &mut Random) {
        match policies.aim(decider) {
            Aim::LegacyClients => self.legacy_client = true,
            Aim::CompliantDevice | Aim::JoinedDevice | Aim::UnmanagedDevices => {
                self.known_device = false;
            }
            Aim::Countries => {
                self.place = random.pick(&FOREIGN_PLACES);
                self.network = Network::Foreign(random.between(1, 254));
            }
            Aim::Risk => self.risk = Risk::High,
            _ => {}
        }
    }

    /// Sets the times of an event that the log has at `now`: one to four minutes after it
    /// happened, as Azure Monitor's are.
    pub fn stamp(&mut self, now: DateTime<Utc>, random: &mut Random) {
        self.logged = now;
        self.created = now - TimeDelta::milliseconds(i64::from(random.between(60_000, 230_000)));
    }

    /// What is learnt about it later: a detection raises the risk.
    pub fn revised(&self) -> Attempt {
        Attempt {
            risk: if self.risk == Risk::Medium {
                Risk::High
            } else {
                Risk::Medium
            },
            ..self.clone()
        }
    }

    /// The user of a user's sign-in.
    pub fn user<'a>(&self, tenant: &'a Tenant) -> &'a User {
        &tenant.users[self.account % tenant.users.len()]
    }
}
