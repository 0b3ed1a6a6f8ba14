//! `/search`: results and filters, the whole state in the URL.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::filters;
use super::passport::Entry;
use super::respond;
use crate::db::catalog::{CatalogOrder, PluginFilter};
use crate::domain::{ObjectionKind, Risk, Timestamp, VerificationState};
use crate::http::error::Problem;
use crate::registry::{CatalogSearch, Registry, search_catalog};

/// How many plugins a page of results holds.
const PAGE: i64 = 20;
/// How many words count.
const WORDS_MAX: usize = 8;

/// What the URL asks for. Unknown values count as absent, so that an old link never breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SearchFilters {
    /// Words.
    pub q: String,
    /// The highest risk that may be: `none`, `low` or `medium`.
    pub risk: String,
    /// `yes`: only verified.
    pub verified: String,
    /// Only those that use this capability.
    pub capability: String,
    /// Only those made for this profile.
    pub profile: String,
    /// `newest` or `name`; else by fit.
    pub sort: String,
    /// Where the page starts.
    pub cursor: String,
}

/// One heading of the filter column.
#[derive(Debug, Clone)]
pub struct FilterGroup {
    /// The parameter.
    pub key: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Its values.
    pub choices: Vec<Choice>,
}

/// One value of a filter, or the way to be rid of one.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What it is called.
    pub label: String,
    /// The same search with it.
    pub url: String,
    /// Whether it is in force.
    pub chosen: bool,
}

impl SearchFilters {
    /// Whether nothing narrows the search.
    pub fn is_plain(&self) -> bool {
        self.parameters().iter().all(|(name, _)| *name == "sort")
    }

    /// Drops values that mean nothing and bounds the words.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        let known = |value: &mut String, known: &[&str]| {
            if !known.contains(&value.as_str()) {
                value.clear();
            }
        };
        known(&mut self.risk, &["none", "low", "medium"]);
        known(&mut self.verified, &["yes"]);
        known(&mut self.sort, &["newest", "name"]);
        self.q = self.q.trim().chars().take(200).collect();
        self
    }

    fn filter(&self) -> PluginFilter {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        PluginFilter {
            words: self.q.split_whitespace().take(WORDS_MAX).map(str::to_lowercase).collect(),
            risk_at_most: match self.risk.as_str() {
                "none" => Some(None),
                "low" => Some(Some(Risk::Low)),
                "medium" => Some(Some(Risk::Medium)),
                _ => None,
            },
            verified: self.verified == "yes",
            capability: given(&self.capability),
            profile: given(&self.profile),
        }
    }

    fn order(&self) -> CatalogOrder {
        match self.sort.as_str() {
            "newest" => CatalogOrder::Newest,
            "name" => CatalogOrder::Name,
            _ => CatalogOrder::Fit,
        }
    }

    fn parameters(&self) -> Vec<(&'static str, &str)> {
        [
            ("q", &self.q),
            ("risk", &self.risk),
            ("verified", &self.verified),
            ("capability", &self.capability),
            ("profile", &self.profile),
            ("sort", &self.sort),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.as_str()))
        .collect()
    }

    /// The filters that the search box carries along.
    pub fn kept(&self) -> Vec<(&'static str, &str)> {
        self.parameters().into_iter().filter(|(name, _)| *name != "q").collect()
    }

    /// The address of this search, its first page.
    pub fn url(&self) -> String {
        self.url_with("", "")
    }

    /// The address of the page that starts at `cursor`.
    pub fn page_url(&self, cursor: &str) -> String {
        self.url_with("cursor", cursor)
    }

    fn url_with(&self, key: &str, value: &str) -> String {
        let mut pairs: Vec<_> = self.parameters().into_iter().filter(|(name, _)| *name != key).collect();
        if !value.is_empty() {
            pairs.push((key, value));
        }
        let query: Vec<_> =
            pairs.iter().map(|(name, value)| format!("{name}={}", filters::percent(value))).collect();
        if query.is_empty() { "/search".into() } else { format!("/search?{}", query.join("&")) }
    }

    /// The filter column.
    pub fn groups(&self) -> Vec<FilterGroup> {
        let group = |key, title, current: &str, values: &[(&str, &str)]| FilterGroup {
            key,
            title,
            choices: values
                .iter()
                .map(|(value, label)| Choice {
                    label: (*label).to_owned(),
                    url: self.url_with(key, value),
                    chosen: current == *value,
                })
                .collect(),
        };
        let risks =
            [("", "any"), ("medium", "at most medium"), ("low", "at most low"), ("none", "pure computation")];
        let mut groups = vec![
            group("risk", "Risk", &self.risk, &risks),
            group("verified", "Verified", &self.verified, &[("", "any state"), ("yes", "passed")]),
            group(
                "sort",
                "Order",
                &self.sort,
                &[("", "best fit"), ("newest", "newest first"), ("name", "by name")],
            ),
        ];
        for (key, title, current) in
            [("capability", "Uses", &self.capability), ("profile", "Runs on", &self.profile)]
        {
            if !current.is_empty() {
                groups.push(group(key, title, current, &[("", "any"), (current, current)]));
            }
        }
        groups
    }

    /// What could be left out when nothing matches.
    pub fn removals(&self) -> Vec<Choice> {
        let label = |name: &str, value: &str| match name {
            "q" => format!("the words “{value}”"),
            "risk" => format!("the bound on risk ({value})"),
            "verified" => "asking for a passed verification".into(),
            "capability" => format!("asking for {value}"),
            _ => format!("asking for the host {value}"),
        };
        self.parameters()
            .into_iter()
            .filter(|(name, _)| *name != "sort")
            .map(|(name, value)| Choice {
                label: label(name, value),
                url: self.url_with(name, ""),
                chosen: false,
            })
            .collect()
    }
}

/// The results of a search.
#[derive(Template)]
#[template(path = "search.html")]
pub struct SearchPage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// What the URL asks for.
    pub filters: SearchFilters,
    /// One page of plugins.
    pub entries: Vec<Entry>,
    /// Where this page started, unless it is the first.
    pub cursor: Option<String>,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// `GET /search`.
pub async fn show_search(
    registry: web::Data<Registry>,
    filters: web::Query<SearchFilters>,
) -> Result<HttpResponse, Problem> {
    let filters = filters.into_inner().tidied();
    let offset = filters.cursor.parse().unwrap_or(0);
    let search = CatalogSearch { filter: filters.filter(), order: filters.order(), offset, limit: PAGE };
    let found = search_catalog(&registry, &search).await.map_err(Problem::internal)?;
    respond(&SearchPage {
        now: Timestamp::now(),
        entries: found.plugins.into_iter().map(Entry::from).collect(),
        cursor: (offset > 0).then(|| offset.to_string()),
        next_cursor: found.next_offset.map(|offset| offset.to_string()),
        filters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_search_is_in_its_url_and_a_choice_changes_one_part() {
        let filters = SearchFilters { q: "a b&c".into(), risk: "low".into(), ..Default::default() };

        assert_eq!(filters.url(), "/search?q=a%20b%26c&risk=low");
        assert_eq!(filters.url_with("risk", ""), "/search?q=a%20b%26c");
        assert_eq!(filters.page_url("x/y"), "/search?q=a%20b%26c&risk=low&cursor=x%2Fy");
    }

    #[test]
    fn unknown_values_count_as_absent() {
        let filters = SearchFilters { risk: "enormous".into(), sort: "<b>".into(), ..Default::default() };

        assert_eq!(filters.tidied(), SearchFilters::default());
    }
}
