//! The fictitious company: who signs in, to what, from where.
//!
//! Domains and addresses are those reserved for documentation.
use super::random::{Guid, Random};

pub struct Tenant {
    pub id: Guid,
    /// The tenant that the guests come from.
    pub partner_id: Guid,
    pub users: Vec<User>,
    pub apps: Vec<Application>,
    pub resources: Vec<Application>,
    pub workloads: Vec<Application>,
}

pub struct User {
    pub id: Guid,
    pub name: String,
    /// The user principal name.
    pub upn: String,
    pub is_guest: bool,
    pub is_admin: bool,
    pub place: &'static Place,
    pub device: Device,
}

pub struct Application {
    pub id: Guid,
    /// Of its service principal.
    pub principal_id: Guid,
    pub name: String,
}

pub struct Place {
    pub city: &'static str,
    pub state: &'static str,
    pub country: &'static str,
    pub latitude: &'static str,
    pub longitude: &'static str,
}

pub struct Device {
    pub id: Guid,
    pub name: String,
    pub operating_system: &'static str,
    pub browser: &'static str,
    pub user_agent: &'static str,
    /// `None`: the company does not know the device.
    pub trust_type: Option<&'static str>,
    pub is_compliant: bool,
}

const USERS: usize = 420;
const WORKLOADS: usize = 130;

static FIRST_NAMES: [&str; 24] = [
    "Adele",
    "Alex",
    "Allan",
    "Aisha",
    "Bianca",
    "Christie",
    "Debra",
    "Diego",
    "Emily",
    "Grady",
    "Henrietta",
    "Irvin",
    "Isaiah",
    "Johanna",
    "Joni",
    "Lee",
    "Lidia",
    "Lynne",
    "Megan",
    "Miriam",
    "Nestor",
    "Patti",
    "Pradeep",
    "Raul",
];

static LAST_NAMES: [&str; 20] = [
    "Vance",
    "Wilber",
    "Deyoung",
    "Rahman",
    "Pisani",
    "Cline",
    "Berger",
    "Siciliani",
    "Braun",
    "Archie",
    "Mueller",
    "Sayers",
    "Langer",
    "Lorenz",
    "Sherman",
    "Gu",
    "Holloway",
    "Robbins",
    "Bowen",
    "Okafor",
];

static APPS: [&str; 18] = [
    "Azure Portal",
    "Office 365 Exchange Online",
    "Microsoft Teams",
    "Office 365 SharePoint Online",
    "OfficeHome",
    "Microsoft Authentication Broker",
    "Azure Active Directory PowerShell",
    "Microsoft Office",
    "One Outlook Web",
    "Windows Sign In",
    "Contoso Expenses",
    "Contoso HR",
    "Contoso Wiki",
    "Contoso Build Farm",
    "Contoso Service Desk",
    "Fabrikam Supplier Portal",
    "Contoso Travel",
    "Contoso Reporting",
];

static RESOURCES: [&str; 8] = [
    "Microsoft Graph",
    "Office 365 Exchange Online",
    "Office 365 SharePoint Online",
    "Windows Azure Service Management API",
    "Azure Key Vault",
    "Azure Storage",
    "Microsoft Teams Services",
    "Contoso API",
];

#[rustfmt::skip]
static PLACES: [Place; 6] = [
    place("Munich", "Bayern", "DE", "48.13743", "11.57549"),
    place("Leeds", "England", "GB", "53.79648", "-1.54785"),
    place("Redmond", "Washington", "US", "47.67399", "-122.12151"),
    place("Lyon", "Auvergne-Rhone-Alpes", "FR", "45.74846", "4.84671"),
    place("Toronto", "Ontario", "CA", "43.70011", "-79.4163"),
    place("Pune", "Maharashtra", "IN", "18.51957", "73.85535"),
];

/// Where no employee lives.
#[rustfmt::skip]
pub static FOREIGN_PLACES: [Place; 3] = [
    place("Springfield", "", "ZZ", "0", "0"),
    place("Reykjavik", "Hoefudborgarsvaedi", "IS", "64.13548", "-21.89541"),
    place("Suva", "Central", "FJ", "-18.14161", "178.44149"),
];

const fn place(
    city: &'static str,
    state: &'static str,
    country: &'static str,
    latitude: &'static str,
    longitude: &'static str,
) -> Place {
    Place {
        city,
        state,
        country,
        latitude,
        longitude,
    }
}

/// Operating system, browser, user agent.
#[rustfmt::skip]
static MACHINES: [(&str, &str, &str); 5] = [
    ("Windows10", "Edge 141.0.0", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"),
    ("Windows11", "Chrome 141.0.0", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"),
    ("MacOs", "Safari 18.1", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"),
    ("Ios 18.1", "Mobile Safari", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"),
    ("Android", "Chrome Mobile 141.0.0", "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36"),
];

impl Tenant {
    pub fn new(random: &mut Random) -> Tenant {
        let applications = |names: &[&str], random: &mut Random| -> Vec<Application> {
            names
                .iter()
                .map(|name| application((*name).to_owned(), random))
                .collect()
        };
        Tenant {
            id: random.guid(),
            partner_id: random.guid(),
            users: (0..USERS).map(|n| user(n, random)).collect(),
            apps: applications(&APPS, random),
            resources: applications(&RESOURCES, random),
            workloads: (0..WORKLOADS)
                .map(|n| application(format!("contoso-workload-{n:03}"), random))
                .collect(),
        }
    }
}

fn application(name: String, random: &mut Random) -> Application {
    Application {
        id: random.guid(),
        principal_id: random.guid(),
        name,
    }
}

fn user(n: usize, random: &mut Random) -> User {
    let first = FIRST_NAMES[n % FIRST_NAMES.len()];
    let last = LAST_NAMES[(n / FIRST_NAMES.len()) % LAST_NAMES.len()];
    let is_guest = random.chance(600);
    let domain = if is_guest {
        "fabrikam.example"
    } else {
        "contoso.example"
    };
    User {
        id: random.guid(),
        name: format!("{first} {last}"),
        upn: format!("{}.{}@{domain}", first.to_lowercase(), last.to_lowercase()),
        is_guest,
        is_admin: !is_guest && random.chance(400),
        place: random.pick(&PLACES),
        device: device(n, random),
    }
}

fn device(n: usize, random: &mut Random) -> Device {
    let (operating_system, browser, user_agent) = *random.pick(&MACHINES);
    let trust_type = random.chance(8_000).then(|| {
        *random.pick(&[
            "Azure AD registered",
            "Azure AD joined",
            "Hybrid Azure AD joined",
        ])
    });
    Device {
        id: random.guid(),
        name: format!("CONTOSO-{n:04}"),
        operating_system,
        browser,
        user_agent,
        trust_type,
        is_compliant: trust_type.is_some() && random.chance(8_500),
    }
}
