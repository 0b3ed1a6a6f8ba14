//! Text that fits 80 columns: wrapped lines, tables, sizes.

use indicatif::HumanBytes;

use crate::domain::{Grants, Scope};

/// The width that output is made for.
const COLUMNS: usize = 80;

/// The text in lines of at most 80 columns, each behind the indent; words longer than a line stay whole.
pub(super) fn wrapped(indent: &str, text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = indent.chars().count() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > COLUMNS {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!("{indent}{line}"));
    lines.join("\n")
}

/// The text in lines of at most 80 columns: the first behind `mark`, the others as far in.
pub(super) fn hanging(mark: &str, text: &str) -> String {
    let indent = " ".repeat(mark.chars().count());
    let wrapped = wrapped(&indent, text);
    format!("{mark}{}", &wrapped[indent.len()..])
}

/// Rows with their columns below each other, two spaces between; nothing at the end of a line.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// "network (hosts: a:443)".
pub(super) fn power(capability: impl std::fmt::Display, scope: &Scope) -> String {
    if scope.0.is_empty() { capability.to_string() } else { format!("{capability} ({scope})") }
}

/// "kv; network (hosts: a:443)".
pub(super) fn powers(grants: &Grants) -> String {
    grants.iter().map(|(capability, scope)| power(capability, scope)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_behind_their_mark() {
        let text = "word ".repeat(20) + &"x".repeat(90);

        let hanging = hanging("  ! ", &text);

        assert_eq!(hanging.lines().count(), 3);
        assert!(hanging.lines().take(2).all(|line| line.chars().count() <= 80));
        assert!(hanging.lines().skip(1).all(|line| line.starts_with("    ")));
    }

    #[test]
    fn a_table_has_no_blanks_at_the_end() {
        let rows = [vec!["plugin".to_owned(), "locked".to_owned()], vec!["a:b".to_owned(), String::new()]];

        assert_eq!(table(&rows), ["plugin  locked", "a:b"]);
    }
}
