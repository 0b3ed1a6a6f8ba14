//! Bounds of what is said: lines that stay lines, however long or hostile the names and reasons in them are.

use crate::domain::Version;

/// Versions named before the rest is only counted.
const VERSIONS_MAX: usize = 4;
/// Characters of a version or requirement that are said.
const VERSION_CHARACTERS: usize = 40;
/// Characters of what an author or operator wrote that are said in one place.
pub(in crate::resolver) const WORDS_CHARACTERS: usize = 160;
/// Characters of a line.
pub(super) const LINE_CHARACTERS: usize = 420;

/// The text on one line without anything that could break or reorder it, and no longer than so many characters.
pub(in crate::resolver) fn brief(text: &str, most: usize) -> String {
    let mut said = String::new();
    let mut length = 0;
    for character in text.chars() {
        let character = if character.is_whitespace() { ' ' } else { character };
        if is_unseen(character) || (character == ' ' && said.ends_with(' ')) {
            continue;
        }
        if length + 1 == most {
            said.push('…');
            return said;
        }
        said.push(character);
        length += 1;
    }
    said
}

/// What takes no place of its own, or moves what stands around it.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

/// A version or requirement, cut where it is very long.
pub(in crate::resolver) fn brief_version(version: &impl ToString) -> String {
    brief(&version.to_string(), VERSION_CHARACTERS)
}

/// "a, b and c".
pub(in crate::resolver) fn and(items: &[String]) -> String {
    joined(items, "and")
}

/// "a, b or c".
pub(super) fn or(items: &[String]) -> String {
    joined(items, "or")
}

fn joined(items: &[String], word: &str) -> String {
    match items {
        [] => "the request".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// The first few, and how many others there are.
pub(super) fn few<T: ToString>(items: &[T], most: usize, others: &str) -> Vec<String> {
    let mut named: Vec<String> = items.iter().take(most).map(brief_version).collect();
    if items.len() > most {
        named.push(format!("{} {others}", items.len() - most));
    }
    named
}

/// "registered are 2.0.0 and 1.0.0", of versions with the newest first.
pub(in crate::resolver) fn registered_are(versions: &[Version]) -> String {
    match versions {
        [] => "no version of it is registered".into(),
        [one] => format!("registered is only {}", brief_version(one)),
        _ => format!("registered are {}", and(&few(versions, VERSIONS_MAX, "older ones"))),
    }
}

/// "there are 2.0.0 and 1.0.0", of versions with the newest first.
pub(super) fn there_are(versions: &[Version]) -> String {
    match versions {
        [] => "every release of it was withdrawn".into(),
        [one] => format!("there is only {}", brief_version(one)),
        _ => format!("there are {}", and(&few(versions, VERSIONS_MAX, "older ones"))),
    }
}

/// As many of the names as fit into so many characters, and how many others there are.
pub(super) fn names_within(names: &[String], most: usize, others: &str) -> String {
    let mut length = 0;
    let fitting = names.iter().take_while(|name| {
        length += name.len() + 2;
        length <= most
    });
    let fitting = fitting.count().max(1);
    let mut named: Vec<String> = names.iter().take(fitting).cloned().collect();
    if names.len() > fitting {
        named.push(format!("{} {others}", names.len() - fitting));
    }
    and(&named)
}

/// The sentence with a capital first letter.
pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_or_reorders_a_line_is_left_away() {
        assert_eq!(brief("mines\r\n\tcoins\u{202e}snioc\u{1b}[31m", 80), "mines coinssnioc[31m");
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        assert_eq!(brief("äöüäöü", 4), "äöü…");
        assert_eq!(brief("äöü", 4), "äöü");
    }

    #[test]
    fn names_that_do_not_fit_are_counted() {
        let names = ["acme:a", "acme:b", "acme:c"].map(String::from);

        assert_eq!(names_within(&names, 16, "others"), "acme:a, acme:b and 1 others");
        assert_eq!(names_within(&names, 80, "others"), "acme:a, acme:b and acme:c");
    }
}
