//! The `tool` export: JSON in, JSON out.

use serde_json::{Value, json};

use crate::expression::{self, Variables};

wit_bindgen::generate!({ path: "../wit", world: "pluginry:plugin/plugin-tool" });

use exports::pluginry::plugin::tool::Guest;
use pluginry::plugin::log::{self, Level};

struct Calculator;

impl Guest for Calculator {
    fn describe() -> String {
        json!({
            "name": "calculator",
            "description": "Evaluates an arithmetic expression.",
            "input": {
                "type": "object",
                "required": ["expression"],
                "additionalProperties": false,
                "properties": {
                    "expression": { "type": "string", "maxLength": expression::MAX_LENGTH,
                                    "examples": ["2 * (3 + 4)", "sqrt(2) ^ 2", "hypot(x, y)"] },
                    "variables": { "type": "object", "additionalProperties": { "type": "number" } }
                }
            }
        })
        .to_string()
    }

    fn execute(input: String) -> Result<String, String> {
        answer(&input).inspect_err(|message| log::write(Level::Info, message))
    }
}

fn answer(input: &str) -> Result<String, String> {
    let input: Value = serde_json::from_str(input).map_err(|error| format!("the input is not JSON: {error}"))?;
    let text = input["expression"]
        .as_str()
        .ok_or("the input needs \"expression\", a text such as \"2 * (3 + 4)\"")?;
    let mut variables = Variables::new();
    if let Some(given) = input.get("variables") {
        let given = given.as_object().ok_or("\"variables\" must be an object of numbers")?;
        for (name, value) in given {
            let number = value.as_f64().ok_or_else(|| format!("variable {name:?} is not a number"))?;
            variables.insert(name.clone(), number);
        }
    }
    let value = expression::evaluate(text, &variables).map_err(|error| error.to_string())?;
    Ok(json!({ "value": expression::to_json(value), "text": expression::to_text(value) }).to_string())
}

export!(Calculator);

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn a_whole_number_is_answered_without_a_fraction() {
        assert_eq!(answer(r#"{"expression":"2 * (3 + 4)"}"#).unwrap(), r#"{"text":"14","value":14}"#);
    }

    #[test]
    fn variables_are_numbers_by_name() {
        let answer = answer(r#"{"expression":"hypot(a, b)","variables":{"a":3,"b":4}}"#);

        assert_eq!(answer.unwrap(), r#"{"text":"5","value":5}"#);
    }

    #[test]
    fn wrong_input_is_refused_in_words() {
        assert!(answer("{}").unwrap_err().contains("needs \"expression\""));
        assert!(answer("[").unwrap_err().contains("not JSON"));
        assert!(answer(r#"{"expression":"1","variables":{"a":"x"}}"#).unwrap_err().contains("\"a\" is not a number"));
    }
}
