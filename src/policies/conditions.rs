//! The conditions of a policy: what it includes and excludes, by condition.
use crate::signin;

use super::Directory;
use super::facts::Facts;
use super::fault::Findings;
use super::json::{Object, clean};
use super::users;
use super::value::{Answer, ClientApp, Platform, Risk, Test, Value};

/// What a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One that sign-in logs name too.
    Known(signin::Condition),
    /// One that is not known here, as Graph spells it.
    Other(String),
}

impl Kind {
    /// The name that sign-in logs use, else Graph's.
    pub fn name(&self) -> &str {
        match self {
            Kind::Known(condition) => condition.as_str(),
            Kind::Other(name) => name,
        }
    }
}

/// One condition that a policy configures. At least one of its lists holds a value.
#[derive(Debug, Clone)]
pub struct Condition {
    pub kind: Kind,
    pub include: Vec<Value>,
    pub exclude: Vec<Value>,
}

impl Condition {
    /// Whether the sign-in is included, and not excluded. A condition that only excludes
    /// includes all else.
    pub fn answer(&self, facts: &Facts<'_>) -> Answer {
        let answer = |values: &[Value]| Answer::any(values.iter().map(|value| value.answer(facts)));
        let included = if self.include.is_empty() {
            Answer::Matches
        } else {
            answer(&self.include)
        };
        match (included, answer(&self.exclude)) {
            (Answer::DoesNotMatch, _) | (_, Answer::Matches) => Answer::DoesNotMatch,
            (Answer::Matches, Answer::DoesNotMatch) => Answer::Matches,
            _ => Answer::NotKnown,
        }
    }
}

/// Collects the values of one condition.
#[derive(Default)]
pub(super) struct Lists {
    pub include: Vec<Value>,
    pub exclude: Vec<Value>,
}

impl Lists {
    /// Reads the lists of texts of these two names.
    pub fn read(
        &mut self,
        object: &Object<'_>,
        [include, exclude]: [&str; 2],
        findings: &mut Findings,
        value: impl Fn(&str) -> Value,
    ) {
        let included = object.texts(include, findings);
        self.include.extend(included.into_iter().map(&value));
        let excluded = object.texts(exclude, findings);
        self.exclude.extend(excluded.into_iter().map(&value));
    }

    /// A rule over attributes, which only Entra can apply.
    pub fn filter(&mut self, object: &Object<'_>, key: &str, label: &str, findings: &mut Findings) {
        let Some(filter) = object.object(key, findings) else {
            return;
        };
        let Some(rule) = filter.text("rule", findings) else {
            return;
        };
        let value = Value::new(format!("{label}: {}", clean(rule)), Test::Untold);
        match filter.text("mode", findings) {
            Some("exclude") => self.exclude.push(value),
            _ => self.include.push(value),
        }
    }

    /// Members that are not known here, as they are.
    pub fn rest(&mut self, object: &Object<'_>, known: &[&str]) {
        for (key, shown) in object.unknown(known) {
            let value = Value::new(format!("{key}: {shown}"), Test::Untold);
            if key.starts_with("exclude") {
                self.exclude.push(value);
            } else {
                self.include.push(value);
            }
        }
    }
}

/// The conditions of a policy, in the order of [`signin::Condition::ALL`], then unknown ones.
pub(super) fn conditions(
    object: &Object<'_>,
    directory: &Directory,
    findings: &mut Findings,
) -> Vec<Condition> {
    use signin::Condition as Known;

    let mut conditions = Vec::new();
    let mut add = |kind: Kind, lists: Lists| {
        let Lists { include, exclude } = lists;
        if !include.is_empty() || !exclude.is_empty() {
            conditions.push(Condition {
                kind,
                include,
                exclude,
            });
        }
    };
    let mut part = |key: &str, read: &dyn Fn(&Object<'_>, &mut Lists, &mut Findings)| {
        let mut lists = Lists::default();
        if let Some(object) = object.object(key, findings) {
            read(&object, &mut lists, findings);
        }
        lists
    };
    let applications = part("applications", &|object, lists, findings| {
        read_applications(object, directory, lists, findings);
    });
    let users = part("users", &|object, lists, findings| {
        users::read(object, directory, lists, findings);
    });
    let platforms = part("platforms", &read_platforms);
    let locations = part("locations", &|object, lists, findings| {
        read_locations(object, directory, lists, findings);
    });
    let mut devices = part("devices", &read_devices);
    let states = part("deviceStates", &read_devices);
    devices.include.extend(states.include);
    devices.exclude.extend(states.exclude);
    let clients = part("clientApplications", &|object, lists, findings| {
        read_clients(object, directory, lists, findings);
    });
    let flows = part("authenticationFlows", &read_flows);
    let mut list = |key: &str, value: &dyn Fn(&str) -> Value| Lists {
        include: object.texts(key, findings).into_iter().map(value).collect(),
        exclude: Vec::new(),
    };
    let client_types = list("clientAppTypes", &client_app);
    let mut risk = |key: &str, label: &str, of: Risk| {
        list(key, &|level: &str| {
            let text = format!("{label}: {}", clean(level));
            Value::new(text, Test::Risk(of, level.to_owned()))
        })
    };
    let sign_in_risk = risk("signInRiskLevels", "Sign-in risk", Risk::SignIn);
    let user_risk = risk("userRiskLevels", "User risk", Risk::User);
    let service_principal_risk = risk(
        "servicePrincipalRiskLevels",
        "Service principal risk",
        Risk::ServicePrincipal,
    );
    let insider_risk = risk("insiderRiskLevels", "Insider risk", Risk::Insider);

    for (condition, lists) in [
        (Known::Application, applications),
        (Known::Users, users),
        (Known::DevicePlatform, platforms),
        (Known::Location, locations),
        (Known::ClientType, client_types),
        (Known::SignInRisk, sign_in_risk),
        (Known::UserRisk, user_risk),
        (Known::DeviceState, devices),
        (Known::ServicePrincipals, clients),
        (Known::ServicePrincipalRisk, service_principal_risk),
        (Known::AuthenticationFlows, flows),
        (Known::InsiderRisk, insider_risk),
    ] {
        add(Kind::Known(condition), lists);
    }
    for (key, shown) in object.unknown(&KNOWN) {
        let lists = Lists {
            include: vec![Value::new(shown, Test::Untold)],
            exclude: Vec::new(),
        };
        add(Kind::Other(clean(key)), lists);
    }
    conditions
}

const KNOWN: [&str; 13] = [
    "applications",
    "users",
    "platforms",
    "locations",
    "clientAppTypes",
    "signInRiskLevels",
    "userRiskLevels",
    "devices",
    "deviceStates",
    "clientApplications",
    "servicePrincipalRiskLevels",
    "authenticationFlows",
    "insiderRiskLevels",
];

fn read_applications(
    object: &Object<'_>,
    directory: &Directory,
    lists: &mut Lists,
    findings: &mut Findings,
) {
    const APPLICATIONS: [&str; 2] = ["includeApplications", "excludeApplications"];
    const ACTIONS: [&str; 2] = ["includeUserActions", "excludeUserActions"];
    const CONTEXTS: [&str; 2] = [
        "includeAuthenticationContextClassReferences",
        "excludeAuthenticationContextClassReferences",
    ];
    lists.read(object, APPLICATIONS, findings, |id| match id {
        "All" => Value::new(
            "All resources (formerly 'All cloud apps')",
            Test::Everything,
        ),
        "None" => Value::new("No resources", Test::Nothing),
        "Office365" => Value::new("Application: Office 365", Test::Untold),
        "MicrosoftAdminPortals" => Value::new("Application: Microsoft Admin Portals", Test::Untold),
        id => {
            let name = directory.applications.get(id).cloned();
            let name = name.unwrap_or_else(|| clean(id));
            Value::new(
                format!("Application: {name}"),
                Test::Application(id.to_owned()),
            )
        }
    });
    lists.read(object, ACTIONS, findings, |action| {
        let name = match action {
            "urn:user:registersecurityinfo" => "register security information".to_owned(),
            "urn:user:registerdevice" => "register or join devices".to_owned(),
            other => clean(other),
        };
        Value::new(format!("User action: {name}"), Test::Untold)
    });
    lists.read(object, CONTEXTS, findings, |context| {
        let text = format!("Authentication context: {}", clean(context));
        Value::new(text, Test::Untold)
    });
    lists.filter(object, "applicationFilter", "Application filter", findings);
    let known = [
        &APPLICATIONS[..],
        &ACTIONS,
        &CONTEXTS,
        &["applicationFilter"],
    ]
    .concat();
    lists.rest(object, &known);
}

fn read_platforms(object: &Object<'_>, lists: &mut Lists, findings: &mut Findings) {
    const KEYS: [&str; 2] = ["includePlatforms", "excludePlatforms"];
    lists.read(object, KEYS, findings, |platform| {
        let (name, platform) = match platform.to_ascii_lowercase().as_str() {
            "all" => return Value::new("Any platform", Test::Everything),
            "android" => ("Android", Platform::Android),
            "ios" => ("iOS", Platform::Ios),
            "windows" => ("Windows", Platform::Windows),
            "windowsphone" => ("Windows Phone", Platform::WindowsPhone),
            "macos" => ("macOS", Platform::MacOs),
            "linux" => ("Linux", Platform::Linux),
            _ => return Value::new(format!("Platform: {}", clean(platform)), Test::Untold),
        };
        Value::new(format!("Platform: {name}"), Test::Platform(platform))
    });
    lists.rest(object, &KEYS);
}

/// The trusted addresses that per-user MFA is configured with; no export has them.
const MFA_TRUSTED_ADDRESSES: &str = "00000000-0000-0000-0000-000000000000";

fn read_locations(
    object: &Object<'_>,
    directory: &Directory,
    lists: &mut Lists,
    findings: &mut Findings,
) {
    const KEYS: [&str; 2] = ["includeLocations", "excludeLocations"];
    lists.read(object, KEYS, findings, |id| match id {
        "All" => Value::new("Any network or location", Test::Everything),
        "AllTrusted" => Value::new(
            "All trusted networks and locations",
            Test::Trusted(directory.trusted.clone()),
        ),
        MFA_TRUSTED_ADDRESSES => Value::new("Location: MFA trusted IPs", Test::Untold),
        id => match directory.locations.get(id) {
            Some(location) => Value::new(
                format!("Location: {}", location.text),
                Test::Location(Some(location.clone())),
            ),
            None => Value::new(format!("Location: {}", clean(id)), Test::Location(None)),
        },
    });
    lists.rest(object, &KEYS);
}

fn read_devices(object: &Object<'_>, lists: &mut Lists, findings: &mut Findings) {
    // The same under three names, two of them of earlier versions of Graph.
    const KEYS: [[&str; 2]; 3] = [
        ["includeDevices", "excludeDevices"],
        ["includeDeviceStates", "excludeDeviceStates"],
        ["includeStates", "excludeStates"],
    ];
    for keys in KEYS {
        lists.read(object, keys, findings, |state| match state {
            "All" => Value::new("All devices", Test::Everything),
            "Compliant" => Value::new("Compliant devices", Test::Compliant),
            "DomainJoined" => Value::new("Hybrid joined devices", Test::HybridJoined),
            other => Value::new(format!("Devices: {}", clean(other)), Test::Untold),
        });
    }
    lists.filter(object, "deviceFilter", "Device filter", findings);
    lists.rest(object, &[&KEYS.concat()[..], &["deviceFilter"]].concat());
}

fn read_clients(
    object: &Object<'_>,
    directory: &Directory,
    lists: &mut Lists,
    findings: &mut Findings,
) {
    const KEYS: [&str; 2] = ["includeServicePrincipals", "excludeServicePrincipals"];
    lists.read(object, KEYS, findings, |id| match id {
        "ServicePrincipalsInMyTenant" => {
            Value::new("All service principals of this tenant", Test::Untold)
        }
        "None" => Value::new("No service principals", Test::Nothing),
        id => {
            let name = directory.applications.get(id).cloned();
            let name = name.unwrap_or_else(|| clean(id));
            Value::new(
                format!("Service principal: {name}"),
                Test::ServicePrincipal(id.to_owned()),
            )
        }
    });
    let label = "Service principal filter";
    lists.filter(object, "servicePrincipalFilter", label, findings);
    lists.rest(object, &[&KEYS[..], &["servicePrincipalFilter"]].concat());
}

fn read_flows(object: &Object<'_>, lists: &mut Lists, findings: &mut Findings) {
    let methods = object.texts("transferMethods", findings);
    lists.include.extend(methods.into_iter().map(|method| {
        let name = match method {
            "deviceCodeFlow" => "device code flow".to_owned(),
            "authenticationTransfer" => "authentication transfer".to_owned(),
            "none" => return Value::new("No authentication flow", Test::Nothing),
            other => clean(other),
        };
        let text = format!("Authentication flow: {name}");
        Value::new(text, Test::Transfer(method.to_owned()))
    }));
    lists.rest(object, &["transferMethods"]);
}

fn client_app(name: &str) -> Value {
    let (text, app) = match name {
        "all" => return Value::new("Any client app", Test::Everything),
        "browser" => ("Browser", ClientApp::Browser),
        "mobileAppsAndDesktopClients" | "modern" => {
            ("Mobile apps and desktop clients", ClientApp::Modern)
        }
        "exchangeActiveSync" => ("Exchange ActiveSync clients", ClientApp::ExchangeActiveSync),
        "easSupported" | "easUnsupported" => {
            let text = format!("Exchange ActiveSync clients ({name})");
            return Value::new(text, Test::Untold);
        }
        "other" => ("Other clients (legacy authentication)", ClientApp::Other),
        other => return Value::new(format!("Client app: {}", clean(other)), Test::Untold),
    };
    Value::new(text, Test::ClientApp(app))
}
