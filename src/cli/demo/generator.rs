//! Realistic sign-ins of a fictitious company, as Azure Monitor streams them.
//!
//! Pure: the same seed, profile and times give the same messages; no clock, no I/O. Stories
//! follow one another as they do in a tenant: an interrupt before the success, a password
//! spray, a policy that suddenly blocks. What cannot be read, is repeated or is corrected later
//! is counted in each message, so that whoever sends them can reconcile.
mod attempt;
mod endings;
mod json;
mod others;
mod person;
mod policies;
mod profile;
mod random;
mod record;
mod tenant;
mod times;

use chrono::{DateTime, Utc};

use self::attempt::{Attempt, Factor, Network, Requirement, Risk};
use self::endings::{BLOCKED, SUCCESS, Table};
use self::policies::Policies;
pub use self::profile::{Detail, Profile};
use self::random::Random;
use self::tenant::{FOREIGN_PLACES, Tenant};
use crate::signin::Category;

/// Room for most messages: 20 records of 6 KB.
const USUAL_MESSAGE_BYTES: usize = 120 * 1024;

/// Records of a message in a burst.
const BURST_BATCH: (u32, u32) = (30, 40);

/// What to send as one Kafka message, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub body: Vec<u8>,
    /// All records: `sign_ins + skipped + bad`.
    pub records: u64,
    /// Sign-ins that can be read, repeats and updates among them.
    pub sign_ins: u64,
    /// Of `sign_ins`: the same record again.
    pub repeats: u64,
    /// Of `sign_ins`: an id that was sent before, with other content.
    pub updates: u64,
    /// Records of other logs.
    pub skipped: u64,
    /// What becomes a dead letter.
    pub bad: u64,
    /// The id of each of the `sign_ins`, in their order.
    pub ids: Vec<String>,
}

/// Gives one message after another, without an end.
pub struct Generator {
    profile: Profile,
    random: Random,
    tenant: Tenant,
    policies: Policies,
    queue: Vec<Queued>,
    messages: u64,
    records: u64,
    burst_left: u32,
    spray: Spray,
}

/// Something that follows from a record that was sent.
struct Queued {
    due_message: u64,
    what: FollowUp,
}

enum FollowUp {
    NextStep(Attempt),
    Repeat(Attempt),
    Update(Attempt),
}

/// Attempts on many accounts with a few passwords, from one address.
struct Spray {
    left: u32,
    host: u32,
}

impl Generator {
    pub fn new(seed: u64, profile: Profile) -> Generator {
        let mut random = Random::new(seed);
        Generator {
            tenant: Tenant::new(&mut random),
            policies: Policies::new(&mut random),
            profile,
            random,
            queue: Vec::new(),
            messages: 0,
            records: 0,
            burst_left: 0,
            spray: Spray { left: 0, host: 0 },
        }
    }

    /// Whether the new policy of the spike is in force.
    pub fn is_spiking(&self) -> bool {
        self.profile
            .spike_after
            .is_some_and(|after| self.records >= after)
    }

    /// The next message, as if Azure Monitor sent it at `now`.
    pub fn next_message(&mut self, now: DateTime<Utc>) -> Message {
        self.messages += 1;
        let batch = self.batch();
        let mut text = String::with_capacity(USUAL_MESSAGE_BYTES);
        let mut message = Message {
            body: Vec::new(),
            records: 0,
            sign_ins: 0,
            repeats: 0,
            updates: 0,
            skipped: 0,
            bad: 0,
            ids: Vec::with_capacity(batch as usize),
        };

        text.push_str("{\"records\":[");
        let mut cut = false;
        for n in 0..batch {
            if n > 0 {
                text.push(',');
            }
            if self.random.chance(self.profile.bad) {
                message.bad += 1;
                match self.random.below(3) {
                    0 if n == 0 => {
                        text.clear();
                        text.push_str(others::NO_JSON);
                        cut = true;
                    }
                    1 => {
                        let start = text.len();
                        let attempt = self.attempt(now);
                        self.write(&attempt, &mut text);
                        text.truncate(start + (text.len() - start) * 3 / 5);
                        cut = true;
                    }
                    _ => others::write_broken(now, &mut text),
                }
            } else if self.random.chance(self.profile.others) {
                others::write_other(now, &self.tenant, &mut self.random, &mut text);
                message.skipped += 1;
            } else {
                self.sign_in(now, &mut text, &mut message);
            }
            if cut {
                break;
            }
        }
        if !cut {
            text.push_str("]}");
        }
        message.records = message.sign_ins + message.skipped + message.bad;
        self.records += message.records;
        message.body = text.into_bytes();
        message
    }

    /// How many records the message has; bursts and sprays begin between messages.
    fn batch(&mut self) -> u32 {
        if self.random.chance(self.profile.bursts) {
            if self.random.chance(5_000) {
                self.burst_left = self.random.between(5, 15);
            } else {
                self.spray = Spray {
                    left: self.random.between(20, 60),
                    host: self.random.between(1, 254),
                };
            }
        }
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return self.random.between(BURST_BATCH.0, BURST_BATCH.1);
        }
        self.random
            .between(*self.profile.batch.start(), *self.profile.batch.end())
    }

    fn sign_in(&mut self, now: DateTime<Utc>, text: &mut String, message: &mut Message) {
        let due = self
            .queue
            .iter()
            .position(|queued| queued.due_message <= self.messages)
            .map(|at| self.queue.swap_remove(at).what);
        let attempt = match due {
            Some(FollowUp::Repeat(attempt)) => {
                message.repeats += 1;
                attempt
            }
            Some(FollowUp::Update(mut attempt)) => {
                message.updates += 1;
                attempt.logged = now;
                attempt
            }
            Some(FollowUp::NextStep(mut attempt)) => {
                attempt.stamp(now, &mut self.random);
                attempt
            }
            None => {
                let attempt = self.attempt(now);
                self.send_again(&attempt);
                attempt
            }
        };
        self.write(&attempt, text);
        message.sign_ins += 1;
        message.ids.push(attempt.id.to_string());
    }

    fn write(&self, attempt: &Attempt, text: &mut String) {
        match self.profile.detail {
            Detail::Full => record::write_full(attempt, &self.tenant, &self.policies, text),
            Detail::Minimal => record::write_minimal(attempt, &self.tenant, text),
        }
    }

    /// The first record of a new story; the rest of it goes into the queue.
    fn attempt(&mut self, now: DateTime<Utc>) -> Attempt {
        let mut attempt = self.plain_attempt();
        attempt.stamp(now, &mut self.random);
        let random = &mut self.random;
        if self.spray.left > 0 && random.chance(4_000) {
            self.spray.left -= 1;
            attempt.category = Category::Interactive;
            attempt.ending = endings::draw(Table::Spray, random);
            attempt.place = &FOREIGN_PLACES[0];
            attempt.known_device = false;
            attempt.decide(&self.policies, random);
            attempt.network = Network::Foreign(self.spray.host);
        } else if attempt.after_spike
            && attempt.category.is_user()
            && random.chance(self.profile.spike_share)
        {
            attempt.ending = &BLOCKED;
            attempt.decider = Some(Policies::spike());
            attempt.known_device = false;
            if attempt.requirement != Requirement::Nobody {
                attempt.factor = Factor::Claim;
            }
        } else if attempt.category == Category::Interactive
            && random.chance(self.profile.interrupts)
        {
            attempt.ending = endings::draw(Table::Interrupts, random);
            attempt.decide(&self.policies, random);
            let next = attempt.next_step(&SUCCESS, &self.policies, random);
            let due_message = self.messages + u64::from(random.between(1, 4));
            self.queue.push(Queued {
                due_message,
                what: FollowUp::NextStep(next),
            });
        } else {
            if random.chance(self.profile.failures) {
                attempt.ending = endings::draw(table(attempt.category), random);
            }
            attempt.decide(&self.policies, random);
        }
        attempt
    }

    /// Sometimes the log sends a record twice, or once more with what it learnt since.
    fn send_again(&mut self, attempt: &Attempt) {
        let random = &mut self.random;
        let what = if random.chance(self.profile.repeats) {
            FollowUp::Repeat(attempt.clone())
        } else if random.chance(self.profile.updates) {
            FollowUp::Update(attempt.revised())
        } else {
            return;
        };
        let due_message = self.messages + u64::from(random.between(1, 8));
        self.queue.push(Queued { due_message, what });
    }

    /// A successful sign-in of somebody, before anything is decided about it.
    fn plain_attempt(&mut self) -> Attempt {
        let after_spike = self.is_spiking();
        let random = &mut self.random;
        let category = category(random);
        let id = random.guid();
        let account = random.index(self.tenant.users.len());
        let listed_policies = if random.chance(self.profile.long_lists) {
            random.between(40, 55)
        } else {
            random.between(*self.profile.policies.start(), *self.profile.policies.end())
        };
        let (requirement, factor) = match random.below(100) {
            0..45 if category == Category::Interactive && random.chance(4_000) => {
                (Requirement::Policy, Factor::Performed)
            }
            0..45 => (Requirement::Policy, Factor::Claim),
            45..50 => (Requirement::PerUser, Factor::Claim),
            _ => (Requirement::Nobody, Factor::NotAsked),
        };
        let (requirement, factor) = if category.is_user() {
            (requirement, factor)
        } else {
            (Requirement::Nobody, Factor::NotAsked)
        };
        let host = random.between(1, 254);
        Attempt {
            id,
            original_id: id,
            correlation_id: random.guid(),
            category,
            account,
            app: random.index(self.tenant.apps.len()),
            resource: random.index(self.tenant.resources.len()),
            created: DateTime::UNIX_EPOCH,
            logged: DateTime::UNIX_EPOCH,
            ending: &SUCCESS,
            requirement,
            factor,
            place: self.tenant.users[account].place,
            network: match random.below(10) {
                0..5 => Network::Office(host),
                5..8 => Network::Home(host),
                _ => Network::Mobile(host),
            },
            risk: if random.chance(200) {
                Risk::Low
            } else {
                Risk::None
            },
            decider: None,
            listed_policies,
            after_spike,
            legacy_client: false,
            known_device: random.chance(9_300),
            seed: random.next(),
        }
    }
}

/// Non-interactive and workload sign-ins are five to ten times the interactive ones.
const fn category(random: &mut Random) -> Category {
    match random.below(100) {
        0..10 => Category::Interactive,
        10..57 => Category::NonInteractive,
        57..83 => Category::ServicePrincipal,
        83..94 => Category::ManagedIdentity,
        94..98 => Category::MicrosoftServicePrincipal,
        _ => Category::Adfs,
    }
}

const fn table(category: Category) -> Table {
    match category {
        Category::Interactive | Category::Adfs | Category::Other => Table::Interactive,
        Category::NonInteractive => Table::NonInteractive,
        Category::ServicePrincipal
        | Category::ManagedIdentity
        | Category::MicrosoftServicePrincipal => Table::Workload,
    }
}

#[cfg(test)]
mod tests;
