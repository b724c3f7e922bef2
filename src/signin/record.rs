//! One record, from its keys to the sign-in: shapes, precedence, and what counts as a sign-in.
use std::mem;

use super::category::{Category, SkippedCategory};
use super::field::{Field, FieldFaults};
use super::layer::Layer;
use super::members::Members;
use super::text::Text;
use super::{Shape, SignIn};

/// A record while its keys arrive. Used again for the next one, with its memory.
#[derive(Default)]
pub(super) struct Record<'m> {
    pub(super) root: Layer<'m>,
    pub(super) properties: Layer<'m>,
    pub(super) has_properties: bool,
    /// Whether `properties` may hold anything, of this record or an earlier one.
    pub(super) properties_used: bool,
    /// A key that only Log Analytics writes, or a known key in `PascalCase`.
    pub(super) log_analytics_keys: bool,
    pub(super) faults: FieldFaults,
}

/// What a complete record is.
pub(super) enum Verdict {
    SignIn,
    Skipped(SkippedCategory),
}

impl<'m> Record<'m> {
    pub(super) fn clear(&mut self) {
        self.root.clear();
        self.has_properties = false;
        self.log_analytics_keys = false;
        self.faults = FieldFaults::default();
    }

    /// Notes which shape a root key speaks for.
    pub(super) fn note_key(&mut self, name: &str, field: Field) {
        self.log_analytics_keys |= match field {
            Field::TimeGenerated
            | Field::AadTenantId
            | Field::ResourceIdentity
            | Field::LocationDetails => true,
            Field::Type => false,
            _ => name.starts_with(|first: char| first.is_ascii_uppercase()),
        };
    }

    /// The sign-in, once [`Record::finish`] has said that it is one.
    pub(super) fn sign_in_mut(&mut self) -> &mut SignIn<'m> {
        if self.has_properties {
            &mut self.properties.fields
        } else {
            &mut self.root.fields
        }
    }

    /// Puts the two levels together: `properties` wins over the root, key by key.
    pub(super) fn finish(&mut self) -> Verdict {
        let shape = self.shape();
        let named = match category(&self.root) {
            Some(Err(skipped)) => return Verdict::Skipped(skipped),
            Some(Ok(category)) => Some(category),
            None => None,
        };
        self.root.settle();
        let (top, root) = if self.has_properties {
            self.properties.settle();
            if self.root.touched {
                overlay(&mut self.properties.fields, &mut self.root.fields);
            }
            (&mut self.properties, &mut self.root)
        } else {
            if mem::take(&mut self.properties_used) {
                self.properties.clear();
            }
            (&mut self.root, &mut self.properties)
        };
        macro_rules! first {
            ($($of:expr),+ $(,)?) => { None$(.or_else(|| $of))+ };
        }
        let fields = &mut top.fields;
        let created = top.created.or(root.created);
        fields.event_time = created.or(root.time).or(top.time);
        fields.correlation_id = first!(top.correlation_id.take(), root.correlation_id.take());
        fields.ip_address = first!(
            top.ip_address.take(),
            root.ip_address.take(),
            top.caller_ip_address.take(),
            root.caller_ip_address.take(),
        );

        let status_code = top.status.error_code.or(root.status.error_code);
        let result_code = top.result_code.or(root.result_code);
        if status_code.is_some() && result_code.is_some() && status_code != result_code {
            self.faults.insert(Field::ErrorCodeConflict);
        }
        fields.error_code = status_code.or(result_code);
        fields.failure_reason = first!(
            top.status.failure_reason.take(),
            root.status.failure_reason.take(),
            top.result_description.take(),
            root.result_description.take(),
        );
        fields.additional_details = first!(
            top.status.additional_details.take(),
            root.status.additional_details.take(),
        );

        for place in [&mut top.place, &mut root.place] {
            overlay_place(&mut fields.location, place);
        }
        if fields.location.country_or_region.is_none() {
            fields.location.country_or_region = first!(top.country.take(), root.country.take());
        }

        let event_category = top.event_category.or(root.event_category);
        // A root `resourceId` of this form is the log's own; it names the tenant.
        let from_resource = [&root.resource_id, &top.resource_id]
            .into_iter()
            .find_map(|id| id.as_ref().and_then(tenant_of));
        fields.resource_id = first!(
            top.resource_id.take().filter(is_resource),
            top.resource_identity.take(),
            root.resource_id.take().filter(is_resource),
            root.resource_identity.take(),
        );
        // The `TenantId` of a Log Analytics row is the workspace.
        let is_row = shape == Shape::LogAnalytics;
        fields.tenant_id = first!(
            root.tenant_id.take(),
            root.aad_tenant_id.take(),
            top.aad_tenant_id.take(),
            top.tenant_id.take().filter(|_| !is_row),
            from_resource,
            fields.resource_tenant_id.clone(),
            fields.home_tenant_id.clone(),
        );

        if named.is_none() && !looks_like_a_sign_in(fields, created.is_some(), event_category) {
            return Verdict::Skipped(SkippedCategory::None);
        }
        fields.shape = shape;
        fields.category = named.or(event_category).unwrap_or_default();
        let identity = first!(top.identity.take(), root.identity.take());
        if fields.user_display_name.is_none() && fields.category.is_user() {
            fields.user_display_name = identity;
        }
        Verdict::SignIn
    }

    fn shape(&self) -> Shape {
        let root = &self.root;
        if self.has_properties {
            Shape::AzureMonitor
        } else if self.log_analytics_keys || root.table.as_deref().and_then(table).is_some() {
            Shape::LogAnalytics
        } else if root.category.is_some() || root.time.is_some() {
            Shape::AzureMonitor
        } else {
            Shape::Graph
        }
    }
}

/// What the root says: the category, or the table of a Log Analytics row; `None` where
/// neither is there.
fn category(root: &Layer<'_>) -> Option<Result<Category, SkippedCategory>> {
    match &root.category {
        Some(name) => Some(
            Category::from_log_category(name)
                .ok_or_else(|| SkippedCategory::from_log_category(name)),
        ),
        None => table(root.table.as_deref()?),
    }
}

/// The tables of sign-ins are named as the category is, most of them with the prefix `AAD`.
fn table(name: &str) -> Option<Result<Category, SkippedCategory>> {
    let prefix = name.get(..3).filter(|p| p.eq_ignore_ascii_case("AAD"));
    let name = prefix.map_or(name, |_| &name[3..]);
    if let Some(category) = Category::from_log_category(name) {
        return Some(Ok(category));
    }
    match SkippedCategory::from_log_category(name) {
        SkippedCategory::Other => None,
        known => Some(Err(known)),
    }
}

/// Whether a record without a category is a sign-in: it names a user, an application or a
/// service principal, and says how the sign-in went (error code, Conditional Access status,
/// client, kind of sign-in). Without any of that, a creation time does where it stands beside
/// an application and whoever used it: users and applications, which Graph exports too, have
/// a creation time and either name, never both.
fn looks_like_a_sign_in(
    fields: &SignIn<'_>,
    created: bool,
    event_category: Option<Category>,
) -> bool {
    let user = fields.user_principal_name.is_some() || fields.user_id.is_some();
    let app = fields.app_id.is_some();
    let principal = fields.service_principal_id.is_some();
    let result = fields.error_code.is_some()
        || fields.conditional_access_status.is_some()
        || fields.client_app_used.is_some()
        || event_category.is_some();
    if result {
        return user || app || principal;
    }
    created && app && (user || principal || fields.ip_address.is_some())
}

/// Whether a `resourceId` is that of the resource, not an address within Azure.
fn is_resource(id: &Text<'_>) -> bool {
    !starts_with(id, "/tenants/") && !starts_with(id, "/subscriptions/")
}

/// The tenant in `/tenants/<id>/providers/…`.
fn tenant_of<'m>(id: &Text<'m>) -> Option<Text<'m>> {
    const START: &str = "/tenants/";
    fn tenant(id: &str) -> &str {
        id[START.len()..].split('/').next().unwrap_or("")
    }
    if !starts_with(id, START) {
        return None;
    }
    let tenant = match id {
        Text::Borrowed(id) => Text::Borrowed(tenant(id)),
        Text::Owned(id) => Text::Owned(tenant(id).to_owned()),
    };
    Some(tenant).filter(|tenant| !tenant.is_empty())
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// Fills what `top` lacks from `base`.
fn overlay<'m>(top: &mut SignIn<'m>, base: &mut SignIn<'m>) {
    macro_rules! fill {
        ($($($field:ident).+,)*) => {$(
            if top.$($field).+.is_none() {
                top.$($field).+ = base.$($field).+.take();
            }
        )*};
    }
    macro_rules! fill_list {
        ($($list:ident,)*) => {$(
            if top.$list.is_empty() {
                mem::swap(&mut top.$list, &mut base.$list);
            }
        )*};
    }
    fill! {
        id, original_request_id, home_tenant_id, resource_tenant_id, cross_tenant_access_type,
        user_id, user_principal_name, user_display_name, user_type,
        service_principal_id, service_principal_name,
        app_id, app_display_name, resource_display_name,
        client_app_used, user_agent, is_interactive, authentication_protocol,
        incoming_token_type, client_credential_type, token_issuer_type, original_transfer_method,
        device.id, device.display_name, device.operating_system, device.browser,
        device.is_compliant, device.is_managed, device.trust_type,
        risk_level, risk_level_aggregated, risk_state, risk_detail, flagged_for_review,
        conditional_access_status, policies, authentication_requirement, mfa_method, mfa_detail,
    }
    fill_list! {
        network_locations, risk_event_types, requirement_policies, authentication_steps,
        session_lifetime_policies,
    }
    overlay_place(&mut top.location, &mut base.location);
}

fn overlay_place<'m>(top: &mut super::Place<'m>, base: &mut super::Place<'m>) {
    // A place is one statement: its parts are never mixed with those of another.
    if top.city.is_none() && top.state.is_none() && top.country_or_region.is_none() {
        *top = mem::take(base);
    }
}
