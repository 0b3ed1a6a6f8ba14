//! Types of core imports and exports as profiles write them: `(i32, i64) -> i32`, `memory`, ….

use std::fmt;
use std::str::FromStr;

use super::Refusal;

const TEXT_MAX: usize = 4096;

/// Why a text is not a core type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a core type: {problem}")]
pub struct CoreTypeError {
    text: String,
    problem: String,
}

impl Refusal for CoreTypeError {
    fn code(&self) -> &'static str {
        "core-type-invalid"
    }

    fn mend(&self) -> Option<String> {
        Some("Write it like `(i32, i32) -> i64`, `()`, `memory`, `global mut i32` or `table funcref`.".into())
    }
}

/// A value's type; anything but these six is kept out of profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the WebAssembly type of its name")]
pub enum CoreValue {
    I32,
    I64,
    F32,
    F64,
    V128,
    Funcref,
    Externref,
}

/// The type of a core import or export.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CoreType {
    /// `(i32, i32) -> i64`.
    Function {
        /// What it takes.
        params: Vec<CoreValue>,
        /// What it gives; usually none or one.
        results: Vec<CoreValue>,
    },
    /// `memory`: a 32-bit linear memory that is not shared, of any size.
    Memory,
    /// `global i32` or `global mut i32`.
    Global {
        /// Whether it may be set.
        mutable: bool,
        /// What it holds.
        value: CoreValue,
    },
    /// `table funcref`.
    Table {
        /// What it holds.
        element: CoreValue,
    },
}

impl CoreValue {
    const ALL: [Self; 7] =
        [Self::I32, Self::I64, Self::F32, Self::F64, Self::V128, Self::Funcref, Self::Externref];

    /// Its name in the WebAssembly text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
            Self::Funcref => "funcref",
            Self::Externref => "externref",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|value| value.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a value type"))
    }

    fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        text.split(',').map(Self::parse).collect()
    }
}

impl CoreType {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('(') {
            return Self::parse_function(text);
        }
        let mut words = text.split_whitespace();
        let parsed = match (words.next(), words.next(), words.next()) {
            (Some("memory"), None, None) => Self::Memory,
            (Some("global"), Some("mut"), Some(value)) => {
                Self::Global { mutable: true, value: CoreValue::parse(value)? }
            }
            (Some("global"), Some(value), None) => {
                Self::Global { mutable: false, value: CoreValue::parse(value)? }
            }
            (Some("table"), Some(element), None) => Self::Table { element: CoreValue::parse(element)? },
            _ => return Err("it is neither a function type nor memory, global or table".into()),
        };
        match words.next() {
            None => Ok(parsed),
            Some(word) => Err(format!("{word:?} is too much")),
        }
    }

    fn parse_function(text: &str) -> Result<Self, String> {
        let (params, rest) =
            text.get(1..).and_then(|rest| rest.split_once(')')).ok_or("the closing `)` is missing")?;
        let rest = rest.trim();
        let results = match rest.strip_prefix("->").map(str::trim) {
            None if rest.is_empty() => Vec::new(),
            None => return Err(format!("{rest:?} stands where `->` should")),
            Some(list) if list.starts_with('(') => {
                let inner = list.strip_prefix('(').and_then(|list| list.strip_suffix(')'));
                CoreValue::parse_list(inner.ok_or("the closing `)` is missing")?)?
            }
            Some(one) => vec![CoreValue::parse(one)?],
        };
        Ok(Self::Function { params: CoreValue::parse_list(params)?, results })
    }
}

impl FromStr for CoreType {
    type Err = CoreTypeError;

    fn from_str(text: &str) -> Result<Self, CoreTypeError> {
        let refuse = |problem| CoreTypeError { text: text.chars().take(160).collect(), problem };
        if text.len() > TEXT_MAX {
            return Err(refuse(format!("it is longer than {TEXT_MAX} bytes")));
        }
        Self::parse(text).map_err(refuse)
    }
}

impl fmt::Display for CoreValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CoreType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &[CoreValue]| values.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", ");
        match self {
            Self::Function { params, results } => {
                write!(f, "({})", list(params))?;
                match results.as_slice() {
                    [] => Ok(()),
                    [one] => write!(f, " -> {one}"),
                    many => write!(f, " -> ({})", list(many)),
                }
            }
            Self::Memory => f.write_str("memory"),
            Self::Global { mutable: true, value } => write!(f, "global mut {value}"),
            Self::Global { mutable: false, value } => write!(f, "global {value}"),
            Self::Table { element } => write!(f, "table {element}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_type_is_written_in_one_way() {
        let written = |text: &str| text.parse::<CoreType>().unwrap().to_string();

        assert_eq!(written(" ( i32,i64 )->f64"), "(i32, i64) -> f64");
        assert_eq!(written("() -> ()"), "()");
        assert_eq!(written("() -> (i32, i32)"), "() -> (i32, i32)");
        assert_eq!(written("global  mut i32"), "global mut i32");
        assert_eq!(written("table funcref"), "table funcref");
    }

    #[test]
    fn what_is_no_core_type_is_refused_with_its_problem() {
        let problem = |text: &str| text.parse::<CoreType>().unwrap_err().to_string();

        assert_eq!(problem("(i33)"), r#""(i33)" is not a core type: "i33" is not a value type"#);
        assert_eq!(problem("(i32"), r#""(i32" is not a core type: the closing `)` is missing"#);
        assert!(problem("memory 1").contains("neither a function type nor memory"));
        assert!(problem("global mut i32 x").contains("too much"));
    }
}
