//! The codes that say of a grant control that it was not met, by Microsoft's descriptions of the
//! codes (`config/catalog/error-codes.csv`).
use crate::signin::GrantControl;

use GrantControl::{
    ApprovedApp, CompliantApp, CompliantDevice, DomainJoinedDevice, Mfa, PasswordChange,
};

const DEVICE: &[GrantControl] = &[CompliantDevice, DomainJoinedDevice];

/// Code, the controls it may mean, and what it says of them.
const REFUSALS: [(i64, &[GrantControl], &str); 26] = [
    (50072, &[Mfa], "a method has to be set up"),
    (50074, &[Mfa], "asked for"),
    (50076, &[Mfa], "asked for"),
    (50078, &[Mfa], "the last one is too old"),
    (
        50079,
        &[Mfa],
        "a method or a claim of the federated provider is missing",
    ),
    (500_121, &[Mfa], "not completed"),
    (53004, &[Mfa], "setting up a method was not allowed"),
    (53010, &[Mfa], "setting up a method was not allowed"),
    (50129, DEVICE, "the device is not registered"),
    (50142, &[PasswordChange], "asked for"),
    (53000, &[CompliantDevice], "the device is not compliant"),
    (
        53001,
        &[DomainJoinedDevice],
        "the device is not hybrid joined",
    ),
    (53002, &[ApprovedApp], "the app is not an approved one"),
    (
        53005,
        &[CompliantApp],
        "the app does not enforce app protection",
    ),
    (53008, DEVICE, "the browser cannot identify the device"),
    (
        53009,
        &[CompliantApp],
        "no app protection policy is in force",
    ),
    (501_291, DEVICE, "the device is not registered"),
    (501_311, DEVICE, "the browser cannot identify the device"),
    (
        530_001,
        &[CompliantDevice],
        "the browser cannot identify the device",
    ),
    (
        530_002,
        &[CompliantDevice],
        "the device is not reported as compliant yet",
    ),
    (530_003, DEVICE, "the device is not managed"),
    (530_004, DEVICE, "the device's tenant is not trusted"),
    (
        530_011,
        &[DomainJoinedDevice],
        "the browser cannot identify the device",
    ),
    (530_021, &[ApprovedApp], "the app is not an approved one"),
    (
        530_022,
        &[ApprovedApp],
        "the browser is not an approved app",
    ),
    (700_003, DEVICE, "the device is not in the directory"),
];

/// The controls of which one is behind the code; `None` where the code tells of none.
pub fn controls_behind(code: i64) -> Option<&'static [GrantControl]> {
    // It only asks the device to identify itself: no refusal, but for the same controls.
    if code == DEVICE_ASKED {
        return Some(DEVICE);
    }
    let (_, controls, _) = REFUSALS.iter().find(|(refusing, ..)| *refusing == code)?;
    Some(controls)
}

/// What the code says against the control.
pub fn refusal(code: i64, control: GrantControl) -> Option<&'static str> {
    let of_code = REFUSALS.iter().find(|(refusing, ..)| *refusing == code);
    let (_, controls, why) = of_code?;
    controls.contains(&control).then_some(*why)
}

/// The device was asked to identify itself, which alone is no failure.
pub const DEVICE_ASKED: i64 = 50097;

/// Codes that are logged at every challenge for a second factor, whether it is then passed or not.
pub const CHALLENGES: [i64; 3] = [50074, 50076, 50078];

/// Codes that only send the user to a challenge: whether it was met shows in a later event, and a
/// policy that is then listed as failed tells no more.
pub const ASKED: [i64; 5] = [50074, 50076, 50158, 53006, 53007];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_a_method_that_the_code_leaves_open() {
        for (code, words) in [
            // An administrator may have asked for a new registration.
            (50072, "a method has to be set up"),
            (
                50079,
                "a method or a claim of the federated provider is missing",
            ),
            (53004, "setting up a method was not allowed"),
            (53010, "setting up a method was not allowed"),
        ] {
            assert_eq!(refusal(code, Mfa), Some(words), "{code}");
        }
    }

    #[test]
    fn a_code_tells_of_its_own_controls_only() {
        assert_eq!(refusal(53000, DomainJoinedDevice), None);
        assert_eq!(refusal(DEVICE_ASKED, CompliantDevice), None);
        assert_eq!(controls_behind(DEVICE_ASKED), Some(DEVICE));
        assert_eq!(controls_behind(50126), None);
    }
}
