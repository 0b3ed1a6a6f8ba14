//! Rules for the texts, addresses and numbers that manifest fields hold.

use serde_json::Value;
use url::Url;

use super::ManifestError;
use super::rules::problem;

const ADDRESS_CHARS: usize = 500;
const SCOPE_VALUE_CHARS: usize = 255;
/// Integers beyond 2^53 change their value in JSON (RFC 8785 section 3.2.2.3).
const EXACT_INTEGER: u64 = 1 << 53;
/// From here on canonical JSON writes floats with an exponent.
const WRITTEN_AS_INTEGER: f64 = 1e21;

type Checked = Result<(), ManifestError>;

/// Text that is shown on one line: not empty, bounded, without surrounding space.
pub(super) fn one_line(field: &str, text: &str, most_chars: usize) -> Checked {
    if text.is_empty() {
        return Err(problem(field, "it is empty"));
    }
    clean(field, text, most_chars, false)?;
    if text.trim() != text {
        return Err(problem(field, "it starts or ends with a space"));
    }
    Ok(())
}

/// Bounded text without characters that hide, reorder or break what a reader sees.
pub(super) fn clean(field: &str, text: &str, most_chars: usize, lines: bool) -> Checked {
    let count = text.chars().count();
    if count > most_chars {
        return Err(problem(field, format!("{count} characters; at most {most_chars} are allowed")));
    }
    let allowed = |character| lines && matches!(character, '\n' | '\t');
    match text.chars().enumerate().find(|(_, character)| is_deceptive(*character) && !allowed(*character)) {
        None => Ok(()),
        Some((_, '\n' | '\r')) if !lines => Err(problem(field, "it must be one line")),
        Some((index, character)) => Err(problem(
            field,
            format!("the character U+{:04X} at position {} is not allowed", u32::from(character), index + 1),
        )),
    }
}

/// Controls, line separators, invisible and direction-changing characters (Unicode TR 36 and 39).
pub(in crate::domain) fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff0}'..='\u{fffd}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// An `http` or `https` address with a host and without a password.
pub(super) fn web_address(field: &str, text: &str) -> Checked {
    one_line(field, text, ADDRESS_CHARS)?;
    let url = Url::parse(text).map_err(|error| problem(field, format!("{text:?} is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(problem(field, format!("the scheme `{}` is not http or https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem(field, "it carries a user name or password"));
    }
    if text.chars().any(|character| character.is_whitespace() || character == '\\') {
        return Err(problem(field, "it holds a space or backslash; write %20 or %5C"));
    }
    Ok(())
}

/// One value of a capability's scope, such as a host or a path.
pub(super) fn scope_value(field: &str, kind: &str, value: &str) -> Checked {
    one_line(field, value, SCOPE_VALUE_CHARS)?;
    let is_stepping = value.split(['/', '\\']).any(|step| matches!(step, "." | ".."));
    if kind == "paths" && is_stepping {
        return Err(problem(field, format!("the path {value:?} has a `.` or `..` step")));
    }
    if kind == "hosts" && (!value.is_ascii() || value.contains(' ')) {
        return Err(problem(field, format!("the host {value:?} is not ASCII; write it in its xn-- form")));
    }
    Ok(())
}

/// JSON whose numbers keep their value in canonical form.
pub(super) fn exact_numbers(field: &str, value: &Value) -> Checked {
    match value {
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            let is_inexact = match magnitude {
                Some(magnitude) => magnitude > EXACT_INTEGER,
                // Below 1e21 canonical JSON writes a whole float as an integer (RFC 8785 section 3.2.2.3).
                None => number.as_f64().is_some_and(|float| {
                    float.abs() > EXACT_INTEGER as f64 && float.abs() < WRITTEN_AS_INTEGER
                }),
            };
            if is_inexact {
                return Err(problem(
                    field,
                    format!("the integer {number} is beyond 2^53, where JSON numbers are not exact"),
                ));
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| exact_numbers(&format!("{field}[{index}]"), item)),
        Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            if key.starts_with("$__toml_private") {
                return Err(problem(field, "dates are not JSON; write the date as text"));
            }
            exact_numbers(&format!("{field}.{key}"), member)
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}
