//! Text out of untrusted bytes, made fit for terminals and pages.

/// The most characters of a name that a message shows.
const NAME_MAX: usize = 120;

/// The most characters of a type or a parser's message; longer, because it must be read to be mended.
const MESSAGE_MAX: usize = 600;

/// A name, cut to a bounded length, with control and direction-changing characters written as escapes.
pub(super) fn printable(text: &str) -> String {
    cut_and_escaped(text, NAME_MAX)
}

/// The same for a type or a message.
pub(super) fn printable_message(text: &str) -> String {
    cut_and_escaped(text, MESSAGE_MAX)
}

fn cut_and_escaped(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    let mut characters = text.chars();
    for character in characters.by_ref().take(most) {
        if is_plain(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Neither a control character nor one that reorders or hides its neighbours.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_escaped_and_length_is_bounded() {
        assert_eq!(printable("env.größe"), "env.größe");
        assert_eq!(printable("a\u{1b}[31mb\u{202e}c\n"), r"a\u{1b}[31mb\u{202e}c\u{a}");
        assert_eq!(printable(&"x".repeat(1_000)).chars().count(), 121);
    }
}
