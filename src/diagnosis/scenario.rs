//! The closed sets of a diagnosis: scenario, outcome, class of a code, aspects.
//!
//! Their names are the values in the record and in the metric labels, and never change.

macro_rules! closed_set {
    ($(#[$doc:meta])* $set:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
        pub enum $set {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $set {
            pub const ALL: [$set; [$($name),*].len()] = [$($set::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $($set::$variant => $name,)*
                }
            }

            pub fn from_name(name: &str) -> Option<$set> {
                $set::ALL.into_iter().find(|known| known.as_str() == name)
            }
        }

        impl std::fmt::Display for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

closed_set! {
    /// What a diagnosis names.
    Scenario {
        BlockedByConditionalAccess = "blocked_by_conditional_access",
        FailedConditionalAccess = "failed_conditional_access",
        MfaFromConditionalAccess = "mfa_from_conditional_access",
        MfaFromOtherRequirements = "mfa_from_other_requirements",
        MfaProofupRequired = "mfa_proofup_required",
        MfaProofupNotFromSecureLocation = "mfa_proofup_not_from_secure_location",
        SuccessfulSignIn = "successful_sign_in",
        AccountLocked = "account_locked",
        AccountDisabled = "account_disabled",
        InvalidCredentials = "invalid_credentials",
        ApplicationCredentials = "application_credentials",
        BlockedByRiskPolicy = "blocked_by_risk_policy",
        BlockedBySecurityDefaults = "blocked_by_security_defaults",
        B2bAccessDenied = "b2b_access_denied",
        EnterpriseAppConfiguration = "enterprise_app_configuration",
        EnterpriseAppServiceProvider = "enterprise_app_service_provider",
        PassThroughAuthentication = "pass_through_authentication",
        SeamlessSso = "seamless_sso",
        SessionExpired = "session_expired",
        SignInInterrupted = "sign_in_interrupted",
        ServiceIssue = "service_issue",
        /// A code that the catalog knows, with no scenario of its own.
        ErrorCodeInsight = "error_code_insight",
        /// A code that the catalog does not know.
        UnknownErrorCode = "unknown_error_code",
        /// No code in the event. Absent never means success.
        Undetermined = "undetermined",
    }
}

closed_set! {
    /// How the sign-in ended. An interrupt is not a failure, an expiry is not a block.
    Outcome {
        Succeeded = "succeeded",
        Interrupted = "interrupted",
        Blocked = "blocked",
        Failed = "failed",
        Expired = "expired",
        Unavailable = "unavailable",
        Unknown = "unknown",
    }
}

closed_set! {
    /// What kind of thing an error code reports.
    CodeClass {
        Success = "success",
        Interrupt = "interrupt",
        Failure = "failure",
        Expiry = "expiry",
        Configuration = "configuration",
        Transient = "transient",
    }
}

closed_set! {
    /// What the context of an event adds to its scenario.
    Aspect {
        LegacyAuthentication = "legacy_authentication",
        CrossTenant = "cross_tenant",
        SecurityDefaults = "security_defaults",
        SignInRisk = "sign_in_risk",
        UserRisk = "user_risk",
        MaliciousIp = "malicious_ip",
        MfaPerformed = "mfa_performed",
        MfaSatisfiedByClaim = "mfa_satisfied_by_claim",
        MfaDeniedByUser = "mfa_denied_by_user",
        SingleFactor = "single_factor",
        ReportOnlyWouldBlock = "report_only_would_block",
        ReportOnlyWouldRequireAction = "report_only_would_require_action",
        ConditionalAccessFailedOnSuccess = "conditional_access_failed_on_success",
        NoConditionalAccessPolicyApplied = "no_conditional_access_policy_applied",
        MfaPolicyNotApplied = "mfa_policy_not_applied",
        WatchedAccount = "watched_account",
        PolicyDetailMissing = "policy_detail_missing",
    }
}

closed_set! {
    /// A situation for which the catalog has texts of its own. An event may be in several: of the
    /// texts of a code, the first in this order counts whose situation holds.
    Case {
        /// Code 0, the Conditional Access status is failure, and the client uses legacy
        /// authentication.
        OlderClientRefused = "older_client_refused",
        /// Code 0, and the Conditional Access status is failure.
        ConditionalAccessFailed = "conditional_access_failed",
        /// Code 50053 for an address known for malicious activity.
        MaliciousAddress = "malicious_address",
        /// Code 50053 for smart lockout.
        Lockout = "lockout",
        /// Code 50053 for a sign-in that is risky with high confidence.
        HighConfidenceRisk = "high_confidence_risk",
        /// Code 50126 where a step says that the password was incorrect.
        WrongPassword = "wrong_password",
        /// A managed identity signed in.
        ManagedIdentity = "managed_identity",
        /// An application signed in, and no person.
        WorkloadIdentity = "workload_identity",
        /// The event reports a risk of the sign-in.
        SignInRisk = "sign_in_risk",
        /// The user declined the second factor, or reported it as fraud.
        SecondFactorDeclined = "second_factor_declined",
        /// The user did not answer the prompt.
        SecondFactorTimedOut = "second_factor_timed_out",
        /// The second factor failed in another way.
        SecondFactorFailed = "second_factor_failed",
        /// The second factor was done in this sign-in.
        SecondFactorDone = "second_factor_done",
        /// The second factor was satisfied by a claim that the sign-in brought along.
        SecondFactorByClaim = "second_factor_by_claim",
        /// The second factor was waived: a trusted network, a remembered device, an app password.
        SecondFactorWaived = "second_factor_waived",
        /// A success that shows a single factor.
        SingleFactor = "single_factor",
        /// Security defaults asked for the second factor, and no Conditional Access policy did.
        AskedBySecurityDefaults = "asked_by_security_defaults",
        /// Per-user MFA asked for the second factor, and no Conditional Access policy did.
        AskedByPerUserMfa = "asked_by_per_user_mfa",
        /// The list of the event does not show the policy that decided.
        PolicyNotListed = "policy_not_listed",
        /// The home of the user is another tenant than that of the log.
        FromAnotherTenant = "from_another_tenant",
        /// A user of the log's tenant reached for a resource of another tenant.
        ToAnotherTenant = "to_another_tenant",
        /// The client uses legacy authentication.
        LegacyClient = "legacy_client",
        /// A policy that decided is for users at risk.
        UserRisk = "user_risk",
        /// Each policy that decided matched on the location.
        Location = "location",
    }
}

impl Case {
    /// When it holds, after a comma or "what to do".
    pub const fn words(self) -> &'static str {
        match self {
            Case::OlderClientRefused => "where Conditional Access failed with an older mail client",
            Case::ConditionalAccessFailed => "where Conditional Access failed all the same",
            Case::MaliciousAddress => "where the address is known for malicious activity",
            Case::Lockout => "where smart lockout holds the account",
            Case::HighConfidenceRisk => "where the sign-in is risky with high confidence",
            Case::WrongPassword => "where a step says that the password was incorrect",
            Case::ManagedIdentity => "where a managed identity signed in",
            Case::WorkloadIdentity => "where an application signed in",
            Case::SignInRisk => "where the sign-in was at risk",
            Case::SecondFactorDeclined => "where the user declined the second factor",
            Case::SecondFactorTimedOut => "where the user did not answer the prompt",
            Case::SecondFactorFailed => "where the second factor failed in another way",
            Case::SecondFactorDone => "where the second factor was done",
            Case::SecondFactorByClaim => "where a claim satisfied the second factor",
            Case::SecondFactorWaived => "where the second factor was waived",
            Case::SingleFactor => "where a single factor was enough",
            Case::AskedBySecurityDefaults => "where security defaults asked for it",
            Case::AskedByPerUserMfa => "where per-user MFA asked for it",
            Case::PolicyNotListed => "where the event does not list the policy that decided",
            Case::FromAnotherTenant => "where the user is of another tenant",
            Case::ToAnotherTenant => "where the user went to another tenant",
            Case::LegacyClient => "where the client uses legacy authentication",
            Case::UserRisk => "where the policy is for users at risk",
            Case::Location => "where the policy matched on the location",
        }
    }
}

closed_set! {
    /// How a second factor ended.
    SecondFactorResult {
        Performed = "performed",
        SatisfiedByClaim = "satisfied_by_claim",
        /// Waived: a trusted network, a registered or remembered device, an app password.
        Skipped = "skipped",
        /// Declined, or reported as fraud.
        DeniedByUser = "denied_by_user",
        /// The prompt was left unanswered.
        TimedOut = "timed_out",
        Failed = "failed",
        /// Open when the event was written.
        InProgress = "in_progress",
    }
}

closed_set! {
    /// What asked for the second factor.
    RequirementSource {
        ConditionalAccess = "conditional_access",
        Risk = "risk",
        PerUser = "per_user",
        Request = "request",
        SecurityDefaults = "security_defaults",
        CrossTenant = "cross_tenant",
        /// A provider that the catalog does not know.
        Unknown = "unknown",
    }
}
