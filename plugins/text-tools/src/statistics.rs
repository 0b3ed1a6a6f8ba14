//! Counting: characters, words, sentences, lines, reading time.

use serde_json::{Value, json};

/// Words an adult reads in a minute, silently, non-fiction (Brysbaert 2019).
const WORDS_PER_MINUTE: f64 = 238.0;

/// The words of a text: runs of letters, digits and what joins them (`don't`, `well-known`).
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '_')))
        .map(|word| word.trim_matches(['\'', '’', '-', '_']))
        .filter(|word| !word.is_empty())
}

/// Sentences end with `.`, `!`, `?` or `…` before white space or the end.
pub fn sentences(text: &str) -> usize {
    let mut count = 0;
    let mut open = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if matches!(character, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            let ends = characters.peek().is_none_or(|next| next.is_whitespace() || matches!(next, '"' | '”' | ')' | '\''));
            if open && (ends || matches!(character, '。' | '！' | '？')) {
                count += 1;
                open = false;
            }
        } else if character.is_alphanumeric() {
            open = true;
        }
    }
    count + usize::from(open)
}

/// Everything there is to count.
pub fn count(text: &str) -> Value {
    let word_count = words(text).count();
    json!({
        "characters": text.chars().count(),
        "characters_without_spaces": text.chars().filter(|c| !c.is_whitespace()).count(),
        "words": word_count,
        "sentences": sentences(text),
        "lines": text.lines().count(),
        "paragraphs": paragraphs(text),
        "bytes": text.len(),
    })
}

/// Minutes and seconds to read it, and a phrase such as `2 min read`.
pub fn reading_time(text: &str) -> Value {
    let word_count = words(text).count();
    let seconds = (word_count as f64 / WORDS_PER_MINUTE * 60.0).round() as u64;
    let minutes = seconds.div_ceil(60).max(1);
    json!({ "words": word_count, "seconds": seconds, "text": format!("{minutes} min read") })
}

/// The most frequent words, lower-cased; equal counts in the order of the alphabet.
pub fn frequency(text: &str, limit: usize) -> Value {
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for word in words(text) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter().take(limit).map(|(word, count)| json!({ "word": word, "count": count })).collect()
}

fn paragraphs(text: &str) -> usize {
    let mut count = 0;
    let mut inside = false;
    for line in text.lines() {
        let filled = !line.trim().is_empty();
        count += usize::from(filled && !inside);
        inside = filled;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_apostrophes_and_hyphens() {
        let found: Vec<&str> = words("Don't panic -- it's a well-known 'phrase'.").collect();

        assert_eq!(found, ["Don't", "panic", "it's", "a", "well-known", "phrase"]);
    }

    #[test]
    fn sentences_are_not_ended_by_decimal_points() {
        assert_eq!(sentences("Pi is 3.14. Really? Yes!"), 3);
        assert_eq!(sentences("No end"), 1);
        assert_eq!(sentences("..."), 0);
        assert_eq!(sentences("\"Stop!\" he said."), 2);
    }

    #[test]
    fn everything_is_counted_in_characters_not_bytes() {
        let counted = count("Größe zählt.\n\nWirklich.\n");

        assert_eq!(counted["characters"], 24);
        assert_eq!(counted["words"], 3);
        assert_eq!(counted["paragraphs"], 2);
        assert_eq!(counted["bytes"], 27);
    }

    #[test]
    fn reading_time_is_rounded_up_to_a_minute() {
        assert_eq!(reading_time("word ".repeat(239).trim())["text"], "1 min read");
        assert_eq!(reading_time(&"word ".repeat(500))["text"], "3 min read");
        assert_eq!(reading_time("")["seconds"], 0);
    }

    #[test]
    fn frequent_words_come_first() {
        assert_eq!(frequency("the cat The dog a cat the", 2), serde_json::json!([
            { "word": "the", "count": 3 }, { "word": "cat", "count": 2 }
        ]));
    }
}
