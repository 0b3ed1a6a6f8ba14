//! Plugin names: `namespace:name`, lower kebab-case ASCII.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Refusal;

/// The longest a namespace or a name may be, in bytes.
pub const NAME_PART_MAX: usize = 64;

/// Why a text is not a namespace or a plugin name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A part is empty.
    #[error("{part} is empty")]
    Empty {
        /// Which part: `namespace` or `name`.
        part: &'static str,
    },
    /// A part is over [`NAME_PART_MAX`] bytes.
    #[error("{part} is {length} bytes long; at most {NAME_PART_MAX} are allowed")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A part holds something other than lower kebab-case ASCII words.
    #[error("{part} {text:?} is not lower kebab-case: {problem}")]
    NotKebab {
        /// Which part.
        part: &'static str,
        /// The text as given, cut to a bounded length.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The separating `:` is missing or there is more than one.
    #[error("{text:?} is not of the form namespace:name")]
    NotNamespaced {
        /// The text as given, cut to a bounded length.
        text: String,
    },
}

impl Refusal for NameError {
    fn code(&self) -> &'static str {
        "invalid-name"
    }

    fn mend(&self) -> Option<String> {
        Some(
            "Use namespace:name; each part starts with a letter and holds lower-case letters a-z, digits and single hyphens, at most 64 characters, like acme:markdown."
                .into(),
        )
    }
}

/// The part of a plugin name that an account owns. Copies share their text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// The namespace as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A plugin's full name, `namespace:name`. Copies share their text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginName {
    namespace: Namespace,
    name: Arc<str>,
}

impl PluginName {
    /// Builds a name from its two parts, checking both.
    pub fn new(namespace: &str, name: &str) -> Result<Self, NameError> {
        Ok(Self { namespace: namespace.parse()?, name: check_part("name", name)?.into() })
    }

    /// The owning namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The part behind the colon.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `namespace/name`, as it stands in URLs and file paths.
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

pub(super) fn check_part(part: &'static str, text: &str) -> Result<Box<str>, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { part });
    }
    if text.len() > NAME_PART_MAX {
        return Err(NameError::TooLong { part, length: text.len() });
    }
    match kebab_problem(text) {
        Some(problem) => Err(NameError::NotKebab { part, text: text.into(), problem }),
        None => Ok(text.into()),
    }
}

pub(super) fn kebab_problem(text: &str) -> Option<String> {
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must start with a letter a-z".into());
    }
    if let Some(bad) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        return Some(format!("the character {bad:?} is not allowed"));
    }
    if text.ends_with('-') {
        return Some("it ends with a hyphen".into());
    }
    if text.contains("--") {
        return Some("it has two hyphens in a row".into());
    }
    None
}

impl FromStr for Namespace {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Ok(Self(check_part("namespace", text)?.into()))
    }
}

impl FromStr for PluginName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once(':') {
            Some((namespace, name)) if !name.contains(':') => Self::new(namespace, name),
            _ => Err(NameError::NotNamespaced { text: text.chars().take(160).collect() }),
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)
    }
}

macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(super) use serde_as_text;

serde_as_text!(Namespace);
serde_as_text!(PluginName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kebab_name_reads_back_as_written() {
        let name: PluginName = "acme:markdown-2".parse().unwrap();

        assert_eq!(name.to_string(), "acme:markdown-2");
        assert_eq!(name.path(), "acme/markdown-2");
    }

    #[test]
    fn hostile_names_are_refused() {
        let hostile = [
            "",
            ":",
            "acme",
            "acme:",
            ":x",
            "Acme:x",
            "acme:x.y",
            "acme:x/y",
            "acme:..",
            "acme:x\0",
            "acme:-x",
            "acme:x-",
            "acme:x--y",
            "acme:1x",
            "а:cyrillic",
            "acme:mаrkdown",
            "a:b:c",
            "acme:x y",
            "acme:x%2f",
        ];

        for text in hostile {
            assert!(text.parse::<PluginName>().is_err(), "{text:?} was accepted");
        }
        assert!(format!("acme:{}", "x".repeat(65)).parse::<PluginName>().is_err());
    }
}
