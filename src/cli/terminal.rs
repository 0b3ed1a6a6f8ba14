//! What a person reads: results on stdout, remarks on stderr, never a raw control character.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Serialize;

/// Writes one result line to stdout. A closed pipe is the reader's choice, not a failure.
pub(super) fn print(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", without_controls(text));
}

/// Writes a result as indented JSON to stdout; JSON escapes control characters itself.
pub(super) fn print_json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("results hold no map with non-text keys");
    print(&text);
}

/// Tells the person something on the way, on stderr.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", without_controls(text));
}

/// The reason of a failure, on stderr.
pub(super) fn say_error(code: &str, message: &str) {
    let label = console::style("error").for_stderr().red().bold();
    let (code, message) = (without_controls(code), indented(&without_controls(message)));
    let _ = writeln!(std::io::stderr().lock(), "{label}[{code}]: {message}");
}

/// What to do about a failure, on stderr.
pub(super) fn say_mend(mend: &str) {
    let label = console::style("mend").for_stderr().green().bold();
    let _ = writeln!(std::io::stderr().lock(), "  {label}: {}", indented(&without_controls(mend)));
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n        ")
}

/// The text with line breaks kept and every other control or direction-changing character escaped.
pub(super) fn without_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\n' || !misleads(character) {
            clean.push(character);
        } else {
            let _ = write!(clean, "\\u{{{:x}}}", u32::from(character));
        }
    }
    clean
}

/// A text from outside as a part of one line: line breaks are escaped too.
pub(super) fn one_line(text: &str) -> String {
    without_controls(text).replace('\n', "\\n")
}

/// Control characters move the cursor or talk to the terminal; format characters reorder or hide text.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_fool_a_terminal_is_shown_instead_of_obeyed() {
        let hostile = "red \u{1b}[31m, back\u{8}, \u{202e}reversed\u{202c}, bell\u{7}";

        let clean = without_controls(hostile);

        assert_eq!(clean, "red \\u{1b}[31m, back\\u{8}, \\u{202e}reversed\\u{202c}, bell\\u{7}");
        assert_eq!(one_line("a\nerror: b\r"), "a\\nerror: b\\u{d}");
    }
}
