//! Reading one entry of `appliedConditionalAccessPolicies`, in every form since 2018.
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::conditions::{Condition, Conditions};
use super::lenient::{Found, Lenient, Name, Read, Str, holds_json, json_text};
use super::members::{Member, Members, keys};
use super::policy::{AppliedPolicy, GrantControl, GrantControls, PolicyResult, RuleSatisfied};
use super::text::{Text, unescaped};
use super::values::{AnyText, TextList, Texts};

keys! { PolicyKey {
    Id = "id",
    DisplayName = "displayName",
    Result = "result",
    GrantControls = "enforcedGrantControls",
    SessionControls = "enforcedSessionControls",
    SessionControlsNotSatisfied = "sessionControlsNotSatisfied",
    ConditionsSatisfied = "conditionsSatisfied",
    ConditionsNotSatisfied = "conditionsNotSatisfied",
    IncludeRules = "includeRulesSatisfied",
    ExcludeRules = "excludeRulesSatisfied",
    AuthenticationStrength = "authenticationStrength",
} }

impl<'m> Members<'m> for AppliedPolicy<'m> {
    type Key = PolicyKey;

    fn key(name: &str) -> Option<PolicyKey> {
        PolicyKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: PolicyKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            PolicyKey::Id => self.id = value.text()?,
            PolicyKey::DisplayName => self.display_name = value.name()?,
            PolicyKey::Result => self.result = value.read(AnyPolicyResult)?.unwrap_or_default(),
            PolicyKey::GrantControls => {
                self.grant_controls.clear();
                value.texts(&mut self.grant_controls)?;
            }
            PolicyKey::SessionControls => {
                self.session_controls.clear();
                value.texts(&mut self.session_controls)?;
            }
            PolicyKey::SessionControlsNotSatisfied => {
                self.session_controls_not_satisfied.clear();
                value.texts(&mut self.session_controls_not_satisfied)?;
            }
            PolicyKey::ConditionsSatisfied => conditions(&mut self.conditions_satisfied, value)?,
            PolicyKey::ConditionsNotSatisfied => {
                conditions(&mut self.conditions_not_satisfied, value)?;
            }
            PolicyKey::IncludeRules => drop(value.objects(&mut self.include_rules)?),
            PolicyKey::ExcludeRules => drop(value.objects(&mut self.exclude_rules)?),
            PolicyKey::AuthenticationStrength => {
                self.authentication_strength = value.read(Strength)?.map(unescaped);
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.id = None;
        self.display_name = None;
        self.result = PolicyResult::Unknown;
        self.grant_controls.clear();
        self.session_controls.clear();
        self.session_controls_not_satisfied.clear();
        self.conditions_satisfied.clear();
        self.conditions_not_satisfied.clear();
        self.include_rules.clear();
        self.exclude_rules.clear();
        self.authentication_strength = None;
    }
}

fn conditions<'m, A: MapAccess<'m>>(
    conditions: &mut Conditions<'m>,
    value: &mut Member<'_, A>,
) -> Result<(), A::Error> {
    conditions.clear();
    value.read(AnyConditions(conditions)).map(drop)
}

keys! { StrengthKey {
    Id = "authenticationStrengthId",
    DisplayName = "displayName",
} }

/// `authenticationStrength`: an object with a `displayName`, else its id, or the name alone.
struct Strength;

impl<'m> Lenient<'m> for Strength {
    type Value = Text<'m>;

    fn text(self, text: Str<'_, 'm>) -> Found<Text<'m>> {
        if holds_json(text.as_str(), '{') {
            json_text(self, text.as_str())
        } else {
            Found::Value(text.into_text())
        }
    }

    fn object<A: MapAccess<'m>>(self, mut object: A) -> Result<Found<Text<'m>>, A::Error> {
        let mut id = Found::Absent;
        let mut name = Found::Absent;
        while let Some(key) = object.next_key_seed(Name(StrengthKey::find))? {
            match key {
                Some(StrengthKey::Id) => id = object.next_value_seed(Read(AnyText))?,
                Some(StrengthKey::DisplayName) => name = object.next_value_seed(Read(AnyText))?,
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(match (name, id) {
            (Found::Absent, id) => id,
            (Found::Wrong, Found::Value(id)) => Found::Value(id),
            (name, _) => name,
        })
    }
}

keys! { RuleKey {
    Condition = "conditionalAccessCondition",
    Rule = "ruleSatisfied",
} }

impl<'m> Members<'m> for RuleSatisfied<'m> {
    type Key = RuleKey;

    fn key(name: &str) -> Option<RuleKey> {
        RuleKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: RuleKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            RuleKey::Condition => self.condition = value.text()?,
            RuleKey::Rule => self.rule = value.text()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = RuleSatisfied::default();
    }
}

impl<'m> Texts<'m> for GrantControls<'m> {
    fn push(&mut self, text: Str<'_, 'm>) {
        match GrantControl::from_name(text.as_str()) {
            Some(control) => self.insert(control),
            // The name of a custom control or of terms of use.
            None => self.other.push(unescaped(text.into_text())),
        }
    }
}

/// A set of conditions: a bit mask, as number or text; or names, comma-separated or as a list.
struct AnyConditions<'t, 'm>(&'t mut Conditions<'m>);

impl<'m> Texts<'m> for Conditions<'m> {
    fn push(&mut self, text: Str<'_, 'm>) {
        match text {
            Str::Message(names) => {
                for name in names.split(',') {
                    self.push_name(Str::Message(name.trim()));
                }
            }
            Str::Passing(names) => {
                for name in names.split(',') {
                    self.push_name(Str::Passing(name.trim()));
                }
            }
        }
    }
}

impl<'m> Conditions<'m> {
    fn push_name(&mut self, text: Str<'_, 'm>) {
        let name = text.as_str();
        if let Some(condition) = Condition::from_name(name) {
            self.insert(condition);
        } else if let Ok(bits) = name.parse::<u64>() {
            self.bits |= bits;
        } else if !name.is_empty() && !name.eq_ignore_ascii_case("none") {
            self.other.push(text.into_text());
        }
    }
}

impl<'m> Lenient<'m> for AnyConditions<'_, 'm> {
    type Value = ();

    fn integer(self, number: i64) -> Found<()> {
        u64::try_from(number).map_or(Found::Wrong, |bits| {
            self.0.bits |= bits;
            Found::Value(())
        })
    }

    fn text(self, text: Str<'_, 'm>) -> Found<()> {
        TextList(self.0).text(text)
    }

    fn list<A: SeqAccess<'m>>(self, list: A) -> Result<Found<()>, A::Error> {
        TextList(self.0).list(list)
    }
}

/// `result` of a policy: a name, or (2018) its place in Graph's enumeration.
struct AnyPolicyResult;

impl<'m> Lenient<'m> for AnyPolicyResult {
    type Value = PolicyResult<'m>;

    fn integer(self, number: i64) -> Found<Self::Value> {
        Found::Value(
            PolicyResult::from_number(number)
                .unwrap_or_else(|| PolicyResult::Other(Text::Owned(number.to_string()))),
        )
    }

    fn text(self, text: Str<'_, 'm>) -> Found<Self::Value> {
        let name = text.as_str();
        let known = PolicyResult::from_name(name)
            .or_else(|| name.parse().ok().and_then(PolicyResult::from_number));
        Found::Value(known.unwrap_or_else(|| PolicyResult::Other(text.into_text())))
    }
}
