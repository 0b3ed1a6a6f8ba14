//! The `tool` export: which operation, on which text.

use serde_json::{Value, json};

use crate::{case, lines, slug, statistics};

wit_bindgen::generate!({ path: "../wit", world: "pluginry:plugin/plugin-tool" });

use exports::pluginry::plugin::tool::Guest;

struct TextTools;

/// Each operation and what it does.
const OPERATIONS: [(&str, &str); 9] = [
    ("count", "characters, words, sentences, lines, paragraphs, bytes"),
    ("reading-time", "how long reading takes"),
    ("frequency", "the most frequent words; `limit` of them"),
    ("slug", "a name for a web address, at most `limit` characters"),
    ("case", "another `style`: lower, upper, title, sentence, camel, pascal, snake, kebab, constant"),
    ("sort-lines", "lines in order; `numeric`, `descending`"),
    ("unique-lines", "each line once"),
    ("wrap", "lines of at most `limit` characters"),
    ("reverse", "characters from last to first"),
];

impl Guest for TextTools {
    fn describe() -> String {
        let operations: Vec<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
        let explained: Vec<String> = OPERATIONS.iter().map(|(name, what)| format!("{name}: {what}")).collect();
        json!({
            "name": "text-tools",
            "description": format!("Small jobs on text. {}.", explained.join("; ")),
            "input": {
                "type": "object",
                "required": ["operation", "text"],
                "additionalProperties": false,
                "properties": {
                    "operation": { "enum": operations },
                    "text": { "type": "string" },
                    "limit": { "type": "integer", "minimum": 1 },
                    "style": { "enum": case::STYLES },
                    "numeric": { "type": "boolean" },
                    "descending": { "type": "boolean" }
                }
            }
        })
        .to_string()
    }

    fn execute(input: String) -> Result<String, String> {
        let input = serde_json::from_str(&input).map_err(|error| format!("the input is not JSON: {error}"))?;
        answer(&input).map(|answer| answer.to_string())
    }
}

fn answer(input: &Value) -> Result<Value, String> {
    let operation = text_field(input, "operation")?;
    let text = text_field(input, "text")?;
    let flag = |name: &str| input[name].as_bool().unwrap_or(false);
    Ok(match operation {
        "count" => statistics::count(text),
        "reading-time" => statistics::reading_time(text),
        "frequency" => json!({ "words": statistics::frequency(text, limit(input, 10)?) }),
        "slug" => json!({ "text": slug::slug(text, limit(input, 80)?) }),
        "case" => {
            let style = text_field(input, "style")?;
            let converted = case::convert(text, style);
            json!({ "text": converted.ok_or_else(|| unknown("style", style, &case::STYLES))? })
        }
        "sort-lines" => json!({ "text": lines::sort(text, flag("numeric"), flag("descending")) }),
        "unique-lines" => json!({ "text": lines::unique(text) }),
        "wrap" => json!({ "text": lines::wrap(text, limit(input, 80)?) }),
        "reverse" => json!({ "text": text.chars().rev().collect::<String>() }),
        other => return Err(unknown("operation", other, &OPERATIONS.map(|(name, _)| name))),
    })
}

fn text_field<'a>(input: &'a Value, name: &str) -> Result<&'a str, String> {
    input[name].as_str().ok_or_else(|| format!("the input needs {name:?}, a text"))
}

fn limit(input: &Value, otherwise: usize) -> Result<usize, String> {
    match &input["limit"] {
        Value::Null => Ok(otherwise),
        given => given
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| *limit > 0)
            .ok_or_else(|| format!("\"limit\" must be a whole number above 0, not {given}")),
    }
}

fn unknown(what: &str, given: &str, known: &[&str]) -> String {
    format!("there is no {what} {given:?}; there are {}", known.join(", "))
}

export!(TextTools);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_listed_answers() {
        for (operation, _) in OPERATIONS {
            let input = json!({ "operation": operation, "text": "Some text", "style": "snake" });

            assert!(answer(&input).is_ok(), "{operation}");
        }
    }

    #[test]
    fn wrong_input_is_refused_in_words() {
        let refused = |input: Value| answer(&input).unwrap_err();

        assert!(refused(json!({ "operation": "shout", "text": "" })).starts_with("there is no operation \"shout\"; there are count,"));
        assert_eq!(refused(json!({ "operation": "count" })), "the input needs \"text\", a text");
        assert_eq!(
            refused(json!({ "operation": "wrap", "text": "", "limit": 0 })),
            "\"limit\" must be a whole number above 0, not 0"
        );
    }
}
