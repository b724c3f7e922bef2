//! How sign-ins end: the error codes, how often each occurs, and what it says of the event.
use super::random::Random;

/// One way for a sign-in to end.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    pub code: u32,
    /// How often, in relation to the other endings of its table.
    weight: u32,
    pub decided: Decided,
    /// `status.failureReason`; empty on success.
    pub reason: &'static str,
}

/// What in the event shows where the ending came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// Access was granted: every policy that applied was satisfied.
    Granted,
    /// Before Conditional Access was evaluated: no policy is listed as applied.
    BeforePolicies,
    /// A policy with Block.
    Block,
    /// A policy that requires a device, an application or a join.
    Device,
    /// A second factor was required, and not given yet.
    SecondFactor,
    /// A second factor was required, and refused.
    SecondFactorDenied,
    /// A sign-in frequency ran out.
    Session,
}

const fn ending(code: u32, weight: u32, decided: Decided, reason: &'static str) -> Ending {
    Ending {
        code,
        weight,
        decided,
        reason,
    }
}

use Decided::{BeforePolicies, Block, Device, Granted, SecondFactor, SecondFactorDenied, Session};

pub static SUCCESS: Ending = ending(0, 1, Granted, "");

/// The block of the spike.
pub static BLOCKED: Ending = ending(
    53003,
    1,
    Block,
    "Access has been blocked by Conditional Access policies.",
);

/// Interrupts that an interactive sign-in passes on its way to success.
#[rustfmt::skip]
pub static INTERRUPTS: [Ending; 5] = [
    ending(50074, 40, SecondFactor, "Strong authentication is required."),
    ending(50076, 25, SecondFactor, "Multifactor authentication is required to access the resource."),
    ending(50140, 25, BeforePolicies, "Interrupted by the 'Keep me signed in' page."),
    ending(50097, 5, Device, "Device authentication is required."),
    ending(50058, 5, BeforePolicies, "Silent sign-in was requested, but no user is signed in."),
];

#[rustfmt::skip]
static INTERACTIVE: [Ending; 25] = [
    ending(50126, 260, BeforePolicies, "Invalid user name or password."),
    ending(50053, 55, BeforePolicies, "The account is locked: too many attempts with a wrong password."),
    ending(53003, 110, Block, "Access has been blocked by Conditional Access policies."),
    ending(53000, 70, Device, "The device is not in the required state: it must be compliant."),
    ending(53001, 15, Device, "The device is not joined to the domain."),
    ending(53002, 10, Device, "The application is not an approved client application."),
    ending(50072, 70, SecondFactor, "The user must register for multifactor authentication."),
    ending(50079, 15, SecondFactor, "The user must enrol a second factor."),
    ending(53004, 10, Block, "Registration of authentication methods was blocked because of risk."),
    ending(70043, 45, Session, "The refresh token has expired because of sign-in frequency checks."),
    ending(500_121, 100, SecondFactorDenied, "Authentication failed during the strong authentication request."),
    ending(50057, 25, BeforePolicies, "The user account is disabled."),
    ending(50034, 40, BeforePolicies, "The user account does not exist in the directory."),
    ending(50055, 20, BeforePolicies, "The password has expired."),
    ending(50105, 30, BeforePolicies, "The user is not assigned to a role of the application."),
    ending(50020, 12, BeforePolicies, "The account of the identity provider does not exist in the tenant."),
    ending(50158, 10, SecondFactor, "An external security challenge was not satisfied."),
    ending(65004, 10, BeforePolicies, "The user declined to consent to the application."),
    ending(50011, 6, BeforePolicies, "The reply address does not match those of the application."),
    ending(75011, 5, BeforePolicies, "The authentication method does not match the requested one."),
    ending(530_031, 6, Block, "Access has been blocked by a security policy."),
    ending(81010, 4, BeforePolicies, "Seamless single sign-on failed: the ticket is not valid."),
    ending(80002, 4, BeforePolicies, "The agent's password validation timed out."),
    // Two codes that no published list has.
    ending(399_218, 8, BeforePolicies, "The request could not be completed."),
    ending(240_005, 4, BeforePolicies, "Other."),
];

#[rustfmt::skip]
static NON_INTERACTIVE: [Ending; 12] = [
    ending(70043, 130, Session, "The refresh token has expired because of sign-in frequency checks."),
    ending(70044, 25, Session, "The session has expired because of sign-in frequency checks."),
    ending(50173, 90, BeforePolicies, "The grant has been revoked; a fresh token is needed."),
    ending(700_082, 50, BeforePolicies, "The refresh token has expired because of inactivity."),
    ending(50133, 30, BeforePolicies, "The session is not valid after a password change."),
    ending(50076, 110, SecondFactor, "Multifactor authentication is required to access the resource."),
    ending(50078, 40, SecondFactor, "The multifactor authentication has expired."),
    ending(53003, 70, Block, "Access has been blocked by Conditional Access policies."),
    ending(53000, 50, Device, "The device is not in the required state: it must be compliant."),
    ending(530_003, 20, Device, "The device must be managed to access the resource."),
    ending(65001, 40, BeforePolicies, "The user has not consented to the application."),
    ending(50058, 60, BeforePolicies, "Silent sign-in was requested, but no user is signed in."),
];

#[rustfmt::skip]
static WORKLOAD: [Ending; 6] = [
    ending(7_000_215, 120, BeforePolicies, "An invalid client secret was provided."),
    ending(7_000_222, 60, BeforePolicies, "The provided client secret keys have expired."),
    ending(700_016, 30, BeforePolicies, "The application was not found in the directory."),
    ending(700_027, 15, BeforePolicies, "The client assertion has an invalid signature."),
    ending(500_011, 15, BeforePolicies, "The resource principal was not found in the tenant."),
    ending(53003, 10, Block, "Access has been blocked by Conditional Access policies."),
];

/// The endings of a password spray.
#[rustfmt::skip]
pub static SPRAY: [Ending; 2] = [
    ending(50126, 5, BeforePolicies, "Invalid user name or password."),
    ending(50053, 1, BeforePolicies, "Sign-in was blocked: it came from an address with malicious activity."),
];

/// Whose endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Interactive,
    NonInteractive,
    Workload,
    Interrupts,
    Spray,
}

/// An ending of the table, by weight.
pub fn draw(table: Table, random: &mut Random) -> &'static Ending {
    let endings: &'static [Ending] = match table {
        Table::Interactive => &INTERACTIVE,
        Table::NonInteractive => &NON_INTERACTIVE,
        Table::Workload => &WORKLOAD,
        Table::Interrupts => &INTERRUPTS,
        Table::Spray => &SPRAY,
    };
    let total: u32 = endings.iter().map(|ending| ending.weight).sum();
    let mut left = random.below(total);
    for ending in endings {
        if left < ending.weight {
            return ending;
        }
        left -= ending.weight;
    }
    &SUCCESS
}
