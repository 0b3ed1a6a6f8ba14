//! Error pages: what happened, what to do, and a way out.

use askama::Template;

use crate::domain::PluginName;
use crate::domain::api::ProblemBody;

/// The page a browser gets in place of a problem document.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage<'a> {
    /// The problem.
    pub problem: &'a ProblemBody,
    /// Plugins whose names are near the one asked for.
    pub nearest: Vec<NearName>,
    /// What the search box holds.
    pub query: String,
}

/// A link to a plugin that may have been meant.
#[derive(Debug, Clone)]
pub struct NearName {
    /// Its name.
    pub label: String,
    /// Path of its page.
    pub path: String,
}

impl<'a> ProblemPage<'a> {
    /// The page of a problem; its extra `nearest` lists plugin names, `asked` what was looked for.
    pub fn new(problem: &'a ProblemBody) -> Self {
        let nearest = problem.extras.get("nearest").and_then(|value| value.as_array());
        let names = nearest.into_iter().flatten().filter_map(|value| value.as_str()?.parse().ok());
        let nearest = names
            .map(|name: PluginName| NearName {
                label: name.to_string(),
                path: super::passport::plugin_path(&name),
            })
            .collect();
        let asked = problem.extras.get("asked").and_then(|value| value.as_str()).unwrap_or_default();
        Self { problem, nearest, query: asked.to_owned() }
    }

    fn title(&self) -> &str {
        match self.problem.status {
            404 => "Nothing is here",
            410 => "This was taken down",
            429 => "Too many requests",
            500.. => "Something went wrong on our side",
            _ => &self.problem.title,
        }
    }

    /// The detail as a sentence.
    fn detail(&self) -> String {
        let detail = self.problem.detail.trim_end_matches('.');
        let mut characters = detail.chars();
        match characters.next() {
            Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
            None => String::new(),
        }
    }
}
