//! Slugs: the part of a web address that names a page.

/// Lower-case ASCII words joined by single hyphens, cut at a word's end to at most `max_length` bytes.
pub fn slug(text: &str, max_length: usize) -> String {
    let mut slug = String::new();
    let mut gap = false;
    for character in text.chars() {
        if matches!(character, '\'' | '’') {
            continue;
        }
        let plain = plain(character);
        if plain.is_empty() {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) && !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&plain);
    }
    if slug.len() > max_length {
        let end = slug[..=max_length].rfind('-').unwrap_or(max_length);
        slug.truncate(end);
    }
    slug
}

/// A character in ASCII, as it is usually spelled without its marks; nothing for what separates words.
fn plain(character: char) -> String {
    if character.is_ascii_alphanumeric() {
        return character.to_ascii_lowercase().into();
    }
    let lower = character.to_lowercase().next().unwrap_or(character);
    match lower {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' | 'ĝ' | 'ġ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ł' | 'ļ' | 'ľ' | 'ĺ' => "l",
        'ñ' | 'ń' | 'ň' | 'ņ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' | 'ŝ' => "s",
        'ß' => "ss",
        'ť' | 'ț' | 'ţ' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        '&' => "and",
        _ => "",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn words_are_joined_by_single_hyphens_without_marks() {
        assert_eq!(slug("  Héllo,  Wörld & Co! ", 80), "hello-woerld-and-co");
        assert_eq!(slug("Don't stop", 80), "dont-stop");
        assert_eq!(slug("日本語", 80), "");
    }

    #[test]
    fn a_long_slug_is_cut_at_a_words_end() {
        assert_eq!(slug("one two three", 9), "one-two");
        assert_eq!(slug("one two three", 7), "one-two");
        assert_eq!(slug("extraordinary", 5), "extra");
    }
}
