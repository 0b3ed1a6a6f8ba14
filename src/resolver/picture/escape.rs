//! Text from elsewhere as XML and as Graphviz text: nothing in it is markup, nothing in it is invisible.

/// What may stand in a text: neither control characters nor what XML forbids nor what turns the direction of writing.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{fffe}' | '\u{ffff}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// As XML text or attribute value.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other if is_plain(other) => escaped.push(other),
            _ => escaped.push(' '),
        }
    }
    escaped
}

/// As a quoted string of Graphviz's language that stands for the text literally, `\n` alone being a new line.
pub(super) fn dot(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            // Graphviz reads `\\N` as `\N` in some attributes, so a backslash is better shown than written.
            '\\' => quoted.push('∖'),
            '\n' => quoted.push_str("\\n"),
            // A label may hold entities: `&amp;` would be read as `&`.
            '&' => quoted.push_str("&amp;"),
            other if is_plain(other) => quoted.push(other),
            _ => quoted.push(' '),
        }
    }
    quoted.push('"');
    quoted
}

/// At most `most` characters, the last one `…` if something is missing.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
