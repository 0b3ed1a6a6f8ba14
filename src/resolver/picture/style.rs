//! The look: one set of rules, with the catalog's custom properties in a page, with colours in a picture of its own.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::Digest;

/// The rules as a page of the catalog needs them.
const RULES: &str = include_str!("rules.css");

/// What the catalog's custom properties stand for: name, by day, by night. A test of the catalog holds both equal.
pub(crate) const COLOURS: [(&str, &str, &str); 15] = [
    ("paper", "#fafafa", "#14161a"),
    ("sheet", "#ffffff", "#1a1d23"),
    ("wash", "#f1f2f5", "#23272f"),
    ("ink", "#1a1c21", "#e6e8ec"),
    ("soft", "#545a66", "#a6adb9"),
    ("edge", "#858b96", "#78808d"),
    ("accent", "#1f3f94", "#a9bfff"),
    ("accent-wash", "#e8edfa", "#232c47"),
    ("on-accent", "#ffffff", "#10142a"),
    ("high", "#9c1f1a", "#ff9f95"),
    ("high-wash", "#fbeae8", "#3b1c1a"),
    ("medium", "#764700", "#eebd6d"),
    ("medium-wash", "#fbf0d9", "#352a14"),
    ("low", "#3a5068", "#adc2da"),
    ("low-wash", "#e9eef4", "#212c38"),
];

/// The faces of the catalog that a reader may have; nothing is loaded.
const MONO: &str = r#""Source Code Pro", ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace"#;

/// The text of the `<style>` element of a picture of its own.
pub(super) static SHEET: LazyLock<String> = LazyLock::new(|| {
    let filled = |night: bool| {
        let rules = RULES.lines().filter(|line| !line.starts_with("/*")).collect::<Vec<_>>().join("\n");
        COLOURS.iter().fold(rules.replace("var(--mono)", MONO), |rules, (name, by_day, by_night)| {
            rules.replace(&format!("var(--{name})"), if night { by_night } else { by_day })
        })
    };
    format!("\n{}\n@media (prefers-color-scheme: dark) {{\n{}\n}}\n", filled(false), filled(true))
});

/// What a policy has to allow for the style sheet to count.
pub(super) fn source() -> String {
    format!("'sha256-{}'", STANDARD.encode(Digest::of(SHEET.as_bytes()).as_bytes()))
}
