//! What one sign-in shows of the values that policies are configured with.
use std::net::IpAddr;

use crate::signin::{NetworkLocation, Personal, SignIn};

/// The facts of one sign-in; `None` is what the event does not say.
///
/// They are compared with the configuration, never shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    pub tenant_id: Option<&'a str>,
    pub user_id: Option<&'a str>,
    pub user_type: Option<&'a str>,
    pub home_tenant_id: Option<&'a str>,
    pub cross_tenant_access_type: Option<&'a str>,
    pub service_principal_id: Option<&'a str>,
    pub app_id: Option<&'a str>,
    pub resource_id: Option<&'a str>,
    /// `clientAppUsed`.
    pub client_app: Option<&'a str>,
    pub operating_system: Option<&'a str>,
    pub ip_address: Option<IpAddr>,
    /// As two letters.
    pub country: Option<&'a str>,
    pub network_locations: &'a [NetworkLocation<'a>],
    pub sign_in_risk: Option<&'a str>,
    /// No log has these three: they are known only to who knows more than the event.
    pub user_risk: Option<&'a str>,
    pub service_principal_risk: Option<&'a str>,
    pub insider_risk: Option<&'a str>,
    pub is_compliant: Option<bool>,
    pub trust_type: Option<&'a str>,
    pub authentication_protocol: Option<&'a str>,
    pub transfer_method: Option<&'a str>,
}

impl<'a> Facts<'a> {
    pub fn of(sign_in: &'a SignIn<'a>) -> Facts<'a> {
        let device = &sign_in.device;
        let address = sign_in.ip_address.as_ref();
        let place = &sign_in.location;
        Facts {
            tenant_id: sign_in.tenant_id.as_deref(),
            user_id: sign_in.user_id.as_ref().map(Personal::compared),
            user_type: sign_in.user_type.as_deref(),
            home_tenant_id: sign_in.home_tenant_id.as_deref(),
            cross_tenant_access_type: sign_in.cross_tenant_access_type.as_deref(),
            service_principal_id: sign_in.service_principal_id.as_deref(),
            app_id: sign_in.app_id.as_deref(),
            resource_id: sign_in.resource_id.as_deref(),
            client_app: sign_in.client_app_used.as_deref(),
            operating_system: device.operating_system.as_deref(),
            ip_address: address.and_then(|address| address.compared().trim().parse().ok()),
            country: place.country_or_region.as_ref().map(Personal::compared),
            network_locations: &sign_in.network_locations,
            sign_in_risk: sign_in.risk_level.as_deref(),
            user_risk: None,
            service_principal_risk: None,
            insider_risk: None,
            is_compliant: device.is_compliant,
            trust_type: device.trust_type.as_deref(),
            authentication_protocol: sign_in.authentication_protocol.as_deref(),
            transfer_method: sign_in.original_transfer_method.as_deref(),
        }
    }

    /// Whether the event names a network of this name or, for `None`, any trusted one.
    pub(super) fn names_network(&self, name: Option<&str>) -> bool {
        self.network_locations.iter().any(|network| match name {
            Some(name) => network
                .network_names
                .iter()
                .any(|other| other.compared().trim().eq_ignore_ascii_case(name)),
            None => network
                .network_type
                .as_deref()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("trustedNamedLocation")),
        })
    }
}
