//! What `search` is asked for.
use chrono::{DateTime, Local, TimeDelta, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::cli::store::StoreArgs;
use crate::diagnosis::{Aspect, Outcome, Scenario};
use crate::privacy_key::PrivacyKey;
use crate::query::columns::{self, Column, Order};
use crate::query::filter::{Address, Filter, Term};
use crate::query::groups::GroupBy;
use crate::query::scope::{self, Ends, Range, RangeFault};
use crate::query::time;
use crate::signin::Category;

/// Sign-ins that a list shows unless told otherwise.
const LISTED: usize = 100;

#[derive(Debug, Args)]
pub struct SearchArgs {
    #[command(flatten)]
    pub range: RangeArgs,
    /// User principal name, display name or id; of a service principal its name or id. Pseudonyms
    /// are found by the name too, where the configuration has a key of pseudonyms
    #[arg(long, short, value_name = "USER", help_heading = "Scope")]
    pub user: Option<String>,
    /// Request id, correlation id, or diagnosis id (its first 8 characters are enough)
    #[arg(long, value_name = "ID", help_heading = "Scope")]
    pub id: Option<String>,
    /// Application, by name or id
    #[arg(long, value_name = "APP", help_heading = "Scope")]
    pub app: Vec<String>,

    /// Category of the log, such as `NonInteractiveUserSignInLogs`
    #[arg(long, value_name = "CATEGORY", help_heading = "Filters", hide_possible_values = true, ignore_case = true,
          value_parser = PossibleValuesParser::new(Category::ALL.map(Category::as_str)))]
    pub category: Vec<String>,
    /// Scenario; `explain --list` names them
    #[arg(long, value_name = "SCENARIO", help_heading = "Filters", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Scenario::ALL.map(Scenario::as_str)))]
    pub scenario: Vec<String>,
    /// Outcome
    #[arg(long, value_name = "OUTCOME", help_heading = "Filters", ignore_case = true,
          value_parser = PossibleValuesParser::new(Outcome::ALL.map(Outcome::as_str)))]
    pub outcome: Vec<String>,
    /// Error code, such as 53003
    #[arg(long, value_name = "CODE", help_heading = "Filters")]
    pub code: Vec<i64>,
    /// Policy that was enforced, by name or id
    #[arg(long, value_name = "POLICY", help_heading = "Filters")]
    pub policy: Vec<String>,
    /// Address, or a range such as 203.0.113.0/24
    #[arg(long, value_name = "ADDRESS", help_heading = "Filters", value_parser = address)]
    pub ip: Vec<Address>,
    /// Country, by its two letters
    #[arg(long, value_name = "COUNTRY", help_heading = "Filters")]
    pub country: Vec<String>,
    /// Aspect; docs/record.md names them
    #[arg(long, value_name = "ASPECT", help_heading = "Filters", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Aspect::ALL.map(Aspect::as_str)))]
    pub aspect: Vec<String>,

    /// Columns to show, such as time,user,code; "help" lists them
    #[arg(
        long,
        value_name = "COLUMNS",
        help_heading = "List",
        value_delimiter = ','
    )]
    pub columns: Vec<String>,
    /// Column to sort by; "-" in front turns the order round
    #[arg(long, value_name = "COLUMN", help_heading = "List", default_value = "-time",
          allow_hyphen_values = true, value_parser = |name: &str| Order::from_name(name))]
    pub sort: Order,
    /// Show at most so many [default: 100 in a table, else all]
    #[arg(long, value_name = "N", help_heading = "List",
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub limit: Option<usize>,
    /// How to write the list [default: table on a terminal, else ndjson]
    #[arg(long, value_enum, help_heading = "List", hide_default_value = true)]
    pub format: Option<Format>,
    /// Write each record as it is read, in its order: for exports that are larger than memory. A
    /// sign-in that was updated comes again; the last record of a diagnosis counts
    #[arg(long, help_heading = "List", conflicts_with_all = ["limit", "group_by"])]
    pub stream: bool,
    /// Count the sign-ins instead
    #[arg(long, value_name = "WHAT", help_heading = "List", conflicts_with_all = ["columns", "limit"],
          value_parser = group_by())]
    pub group_by: Option<GroupBy>,

    /// Read all partitions, also where the user's id tells which one: after partitions were added
    /// to the topic
    #[arg(long, help_heading = "Store")]
    pub all_partitions: bool,
    #[command(flatten, next_help_heading = "Store")]
    pub store: StoreArgs,
}

/// A range of time, for `search` and `review`.
#[derive(Debug, Args)]
pub struct RangeArgs {
    /// Earliest time of the sign-in: how long ago (30m, 2h, 3d), a local date and time
    /// ("2026-03-02 08:00", 08:00), or RFC 3339; "all": everything that is stored
    /// [default: 24h; all with --file]
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Scope",
        hide_default_value = true
    )]
    pub from: Option<String>,
    /// Latest time of the sign-in, not included [default: now]
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Scope",
        hide_default_value = true
    )]
    pub to: Option<String>,
    /// Until how long after --to records are read: a sign-in may be logged and diagnosed hours
    /// after it happened
    #[arg(long, value_name = "DURATION", help_heading = "Scope", default_value = scope::DEFAULT_DELAY, value_parser = delay)]
    pub max_delay: TimeDelta,
}

fn delay(text: &str) -> Result<TimeDelta, &'static str> {
    time::span(text).ok_or("write a number and its unit, such as 30m, 24h or 7d")
}

fn group_by() -> impl TypedValueParser<Value = GroupBy> {
    PossibleValuesParser::new(GroupBy::ALL.map(GroupBy::name))
        .try_map(|name| GroupBy::from_name(&name).ok_or("is nothing to count by"))
}

fn address(text: &str) -> Result<Address, &'static str> {
    Address::parse(text).ok_or("write an address or a range, such as 203.0.113.7 or 2001:db8::/32")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Ndjson,
    Csv,
    Markdown,
}

impl RangeArgs {
    /// # Errors
    ///
    /// A time that is none, or a range without a moment in it.
    pub fn range(
        &self,
        now: DateTime<Utc>,
        default: Option<TimeDelta>,
    ) -> Result<Range, RangeFault> {
        let ends = Ends {
            from: self.from.as_deref(),
            to: self.to.as_deref(),
            names: ["--from", "--to"],
        };
        ends.range(now, &Local, default)
    }
}

impl SearchArgs {
    /// With the key of `[privacy]`, users, addresses and countries are also found by their
    /// pseudonyms.
    pub fn filter(&self, (from, to): Range, key: Option<&PrivacyKey>) -> Filter {
        let terms = |texts: &[String]| texts.iter().map(|text| Term::new(text)).collect();
        Filter {
            from,
            to,
            user: self.user.as_deref().map(Term::new),
            id: self.id.as_deref().map(Term::new),
            applications: terms(&self.app),
            categories: terms(&self.category),
            scenarios: terms(&self.scenario),
            outcomes: terms(&self.outcome),
            codes: self.code.clone(),
            policies: terms(&self.policy),
            addresses: self.ip.clone(),
            countries: terms(&self.country),
            aspects: terms(&self.aspect),
            ..Filter::default()
        }
        .with_pseudonyms(key)
    }

    /// The columns, and whether they were chosen.
    pub fn columns(&self) -> Result<(Vec<Column>, bool), columns::UnknownColumn> {
        if self.columns.is_empty() {
            return Ok((columns::DEFAULT.to_vec(), false));
        }
        let columns: Result<_, _> = self
            .columns
            .iter()
            .map(|name| Column::from_name(name))
            .collect();
        Ok((columns?, true))
    }

    /// How many are wanted at most.
    pub fn limit(&self, format: Format) -> Option<usize> {
        self.limit.or((format == Format::Table).then_some(LISTED))
    }
}
