//! What signatures and the log rely on in canonical JSON (RFC 8785): one value, one text.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The largest whole number that every reader of JSON reads exactly.
const EXACT_MAX: i64 = 9_007_199_254_740_991;

fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,3}", ".{0,4}", "[\u{e000}-\u{ffff}\u{10000}-\u{10fff}]{1,2}"]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-EXACT_MAX..=EXACT_MAX).prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same value with the members of every object in the reverse order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(members) => {
            let members = members.iter().rev().map(|(key, value)| (key.clone(), reversed(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        scalar => scalar.clone(),
    }
}

/// The keys of every object stand in the order of their UTF-16 code units.
fn keys_are_in_order(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(keys_are_in_order),
        Value::Object(members) => {
            let keys: Vec<Vec<u16>> = members.keys().map(|key| key.encode_utf16().collect()).collect();
            keys.is_sorted() && members.values().all(keys_are_in_order)
        }
        _ => true,
    }
}

/// Texts escaped and spaced in the way JSON allows and canonical JSON does not.
fn loose(value: &Value) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap();
    pretty
        .chars()
        .map(|c| {
            if c == '/' {
                "\\/".to_owned()
            } else if c.is_ascii() {
                c.to_string()
            } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect()
            }
        })
        .collect()
}

proptest! {
    #[test]
    fn canonical_text_is_its_own_canonical_text(value in value()) {
        let bytes = canonical(&value);

        prop_assert_eq!(canonical(&parsed(&bytes)), bytes);
    }

    #[test]
    fn equal_values_have_equal_bytes_however_they_were_written(value in value()) {
        let bytes = canonical(&value);

        prop_assert_eq!(canonical(&reversed(&value)), bytes.clone());
        prop_assert_eq!(canonical(&parsed(loose(&value).as_bytes())), bytes);
    }

    #[test]
    fn unequal_values_have_unequal_bytes(one in value(), other in value()) {
        let told_apart = canonical(&one) != canonical(&other);

        prop_assert_eq!(told_apart, parsed(&canonical(&one)) != parsed(&canonical(&other)));
    }

    #[test]
    fn keys_stand_in_the_order_of_utf_16(value in value()) {
        prop_assert!(keys_are_in_order(&parsed(&canonical(&value))));
    }

    #[test]
    fn whole_numbers_are_exact(number in -EXACT_MAX..=EXACT_MAX) {
        prop_assert_eq!(canonical(&json!(number)), number.to_string().into_bytes());
        prop_assert_eq!(canonical(&json!(number as f64)), number.to_string().into_bytes());
    }

    #[test]
    fn fractions_read_back_exactly(number in proptest::num::f64::NORMAL) {
        prop_assert_eq!(parsed(&canonical(&json!(number))).as_f64(), Some(number));
    }
}

#[test]
fn the_examples_of_the_rfc_hold() {
    let text = r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
        "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
    let keys = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
        "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;

    let written = String::from_utf8(canonical(&parsed(text.as_bytes()))).unwrap();
    let order: Vec<String> = parsed(&canonical(&parsed(keys.as_bytes())))
        .as_object()
        .unwrap()
        .values()
        .map(|value| value.as_str().unwrap().split([' ', ':']).next().unwrap().to_owned())
        .collect();

    assert_eq!(
        written,
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
    assert_eq!(order, ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]);
}
