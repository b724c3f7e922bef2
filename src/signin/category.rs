//! The log category of a record, and which categories are sign-ins.

/// The sign-in log categories of Azure Monitor, in their canonical spelling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    #[default]
    Interactive,
    NonInteractive,
    ServicePrincipal,
    ManagedIdentity,
    MicrosoftServicePrincipal,
    Adfs,
    /// A category that ends with `SignInLogs` and is none of the above.
    Other,
}

impl Category {
    pub const ALL: [Category; 7] = [
        Category::Interactive,
        Category::NonInteractive,
        Category::ServicePrincipal,
        Category::ManagedIdentity,
        Category::MicrosoftServicePrincipal,
        Category::Adfs,
        Category::Other,
    ];

    /// The canonical name, which is also the value of the metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::Interactive => "SignInLogs",
            Category::NonInteractive => "NonInteractiveUserSignInLogs",
            Category::ServicePrincipal => "ServicePrincipalSignInLogs",
            Category::ManagedIdentity => "ManagedIdentitySignInLogs",
            Category::MicrosoftServicePrincipal => "MicrosoftServicePrincipalSignInLogs",
            Category::Adfs => "ADFSSignInLogs",
            Category::Other => "OtherSignInLogs",
        }
    }

    /// Whether a person signs in: interactive, non-interactive and AD FS sign-ins.
    pub const fn is_user(self) -> bool {
        matches!(
            self,
            Category::Interactive | Category::NonInteractive | Category::Adfs | Category::Other
        )
    }

    /// Reads the `category` of a record; `None` where it is no sign-in log.
    ///
    /// The comparison ignores case: Microsoft's own schema page once spells
    /// `NonInteractiveUserSIgnInLogs`, and its field table still says `SignIn`.
    pub fn from_log_category(name: &str) -> Option<Category> {
        if name.eq_ignore_ascii_case("SignIn") {
            return Some(Category::Interactive);
        }
        if let Some(known) = Category::ALL
            .into_iter()
            .find(|known| name.eq_ignore_ascii_case(known.as_str()))
        {
            return Some(known);
        }
        let suffix = name.len().checked_sub("SignInLogs".len())?;
        name.as_bytes()[suffix..]
            .eq_ignore_ascii_case(b"SignInLogs")
            .then_some(Category::Other)
    }
}

/// Categories that share the hub and are skipped, for the label of
/// `signin_records_skipped_total` (Entra diagnostic settings, log options).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SkippedCategory {
    AuditLogs,
    ProvisioningLogs,
    RiskyUsers,
    UserRiskEvents,
    RiskyServicePrincipals,
    ServicePrincipalRiskEvents,
    EnrichedOffice365AuditLogs,
    MicrosoftGraphActivityLogs,
    NetworkAccessTrafficLogs,
    NetworkAccessAlerts,
    CustomSecurityAttributeAuditLogs,
    B2CRequestLogs,
    RemoteNetworkHealthLogs,
    /// A category of another name.
    Other,
    /// No category, and not the fields of a sign-in.
    None,
}

impl SkippedCategory {
    pub const ALL: [SkippedCategory; 15] = [
        SkippedCategory::AuditLogs,
        SkippedCategory::ProvisioningLogs,
        SkippedCategory::RiskyUsers,
        SkippedCategory::UserRiskEvents,
        SkippedCategory::RiskyServicePrincipals,
        SkippedCategory::ServicePrincipalRiskEvents,
        SkippedCategory::EnrichedOffice365AuditLogs,
        SkippedCategory::MicrosoftGraphActivityLogs,
        SkippedCategory::NetworkAccessTrafficLogs,
        SkippedCategory::NetworkAccessAlerts,
        SkippedCategory::CustomSecurityAttributeAuditLogs,
        SkippedCategory::B2CRequestLogs,
        SkippedCategory::RemoteNetworkHealthLogs,
        SkippedCategory::Other,
        SkippedCategory::None,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            SkippedCategory::AuditLogs => "AuditLogs",
            SkippedCategory::ProvisioningLogs => "ProvisioningLogs",
            SkippedCategory::RiskyUsers => "RiskyUsers",
            SkippedCategory::UserRiskEvents => "UserRiskEvents",
            SkippedCategory::RiskyServicePrincipals => "RiskyServicePrincipals",
            SkippedCategory::ServicePrincipalRiskEvents => "ServicePrincipalRiskEvents",
            SkippedCategory::EnrichedOffice365AuditLogs => "EnrichedOffice365AuditLogs",
            SkippedCategory::MicrosoftGraphActivityLogs => "MicrosoftGraphActivityLogs",
            SkippedCategory::NetworkAccessTrafficLogs => "NetworkAccessTrafficLogs",
            SkippedCategory::NetworkAccessAlerts => "NetworkAccessAlerts",
            SkippedCategory::CustomSecurityAttributeAuditLogs => "CustomSecurityAttributeAuditLogs",
            SkippedCategory::B2CRequestLogs => "B2CRequestLogs",
            SkippedCategory::RemoteNetworkHealthLogs => "RemoteNetworkHealthLogs",
            SkippedCategory::Other => "other",
            SkippedCategory::None => "none",
        }
    }

    /// The label for a category that is no sign-in log.
    pub fn from_log_category(name: &str) -> SkippedCategory {
        SkippedCategory::ALL
            .into_iter()
            .find(|known| name.eq_ignore_ascii_case(known.as_str()))
            .filter(|known| !matches!(known, SkippedCategory::None))
            .unwrap_or(SkippedCategory::Other)
    }
}
