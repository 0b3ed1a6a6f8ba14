//! Case conversions: the words of an identifier or a phrase, joined another way.

/// The ways to write words together.
pub const STYLES: [&str; 9] =
    ["lower", "upper", "title", "sentence", "camel", "pascal", "snake", "kebab", "constant"];

/// `text` in another style, or nothing if there is no such style.
pub fn convert(text: &str, style: &str) -> Option<String> {
    let words = || split_words(text);
    Some(match style {
        "lower" => text.to_lowercase(),
        "upper" => text.to_uppercase(),
        "title" => text.split_inclusive(char::is_whitespace).map(capitalized).collect(),
        "sentence" => capitalized(&text.to_lowercase()),
        "camel" => {
            let mut words = words().into_iter();
            let first = words.next().unwrap_or_default();
            first + &words.map(|word| capitalized(&word)).collect::<String>()
        }
        "pascal" => words().iter().map(|word| capitalized(word)).collect(),
        "snake" => words().join("_"),
        "kebab" => words().join("-"),
        "constant" => words().join("_").to_uppercase(),
        _ => return None,
    })
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or(String::new(), |first| {
        first.to_uppercase().collect::<String>() + &characters.as_str().to_lowercase()
    })
}

/// Lower-cased words: borders are separators, `aB`, and the last capital of `HTTPServer`'s first run.
fn split_words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (index, &character) in characters.iter().enumerate() {
        if !character.is_alphanumeric() {
            words.push(std::mem::take(&mut word));
            continue;
        }
        let before = index.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(index + 1);
        let begins = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins {
            words.push(std::mem::take(&mut word));
        }
        word.extend(character.to_lowercase());
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::convert;

    #[test]
    fn identifiers_change_style_without_losing_words() {
        assert_eq!(convert("parseHTTPServerName2Go", "snake").unwrap(), "parse_http_server_name2_go");
        assert_eq!(convert("user_profile-page", "camel").unwrap(), "userProfilePage");
        assert_eq!(convert("user profile", "pascal").unwrap(), "UserProfile");
        assert_eq!(convert("maxRetries", "constant").unwrap(), "MAX_RETRIES");
        assert_eq!(convert("Über uns", "kebab").unwrap(), "über-uns");
    }

    #[test]
    fn phrases_keep_their_spaces() {
        assert_eq!(convert("the LONG  way", "title").unwrap(), "The Long  Way");
        assert_eq!(convert("HELLO THERE", "sentence").unwrap(), "Hello there");
        assert_eq!(convert("x", "sarcasm"), None);
    }
}
