//! Writing a lock's text: every line by hand, since its layout is what diffs are made of.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};

use serde::Serialize;
use toml::Value;

use super::{FORMAT, LockedVersions, Pin, usual_url};
use crate::domain::PluginName;
use crate::resolver::{Lock, LockedRelease};

/// The whole text.
pub(super) fn written(lock: &Lock) -> String {
    let versions = LockedVersions::of(lock.releases.iter().map(|release| (&release.name, &release.version)));
    let mut writer = Writer {
        text: "# Written by `pluginry resolve`. Keep it under version control; do not edit it.\n".into(),
        versions,
    };
    writer.header(lock);
    let mut releases: Vec<&LockedRelease> = lock.releases.iter().collect();
    releases.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    releases.into_iter().for_each(|release| writer.release(release));
    writer.text
}

struct Writer {
    text: String,
    versions: LockedVersions,
}

impl Writer {
    fn header(&mut self, lock: &Lock) {
        self.line("format", FORMAT);
        if let Some(registry) = &lock.registry {
            self.line("registry", quoted(registry));
        }
        self.line("sequence", lock.sequence);
        if let Some(checkpoint) = &lock.checkpoint {
            self.line("checkpoint", quoted_lines(checkpoint));
        }
        if let Some(as_of) = lock.as_of {
            self.line("as_of", format!("{{ tree_size = {} }}", as_of.tree_size));
        }
        self.names("with_optional", &lock.with_optional);
        self.names("pre_releases_of", &lock.pre_releases_of);
        if !lock.roots.is_empty() {
            self.section("[roots]");
            for (root, requirement) in &lock.roots {
                self.line(&key(&root.to_string()), quoted(&requirement.to_string()));
            }
        }
        if !lock.root_releases.is_empty() {
            self.section("[root_releases]");
            for (root, release) in &lock.root_releases {
                let pin = self.versions.pin(release);
                self.line(&key(&root.to_string()), pinned(&pin));
            }
        }
        if let Some(host) = &lock.host {
            self.section("[host]");
            let mut table = table_of(host);
            let grants = table.remove("grants");
            self.lines(&table);
            if let Some(Value::Table(grants)) = grants {
                self.section("[host.grants]");
                self.lines(&grants);
            }
        }
        if !lock.policy.is_default() {
            self.section("[policy]");
            self.lines(&table_of(&lock.policy));
        }
    }

    fn release(&mut self, release: &LockedRelease) {
        self.section("[[release]]");
        self.line("name", quoted(&release.name.to_string()));
        self.line("version", quoted(&release.version.to_string()));
        self.line("digest", quoted(&release.digest.to_string()));
        self.line("size_bytes", release.size_bytes);
        if release.url != usual_url(&release.digest) {
            self.line("url", quoted(&release.url));
        }
        self.line("signer", quoted(&release.signer));
        self.line("verification", inline(&value_of(&release.verification)));
        if let Some(risk) = release.risk {
            self.line("risk", quoted(&risk.to_string()));
        }
        if !release.license.is_empty() {
            self.line("license", quoted(&release.license));
        }
        if let Some(advice) = &release.deprecated {
            self.line("deprecated", quoted(advice));
        }
        self.line("load_level", release.load_level);
        if !release.dependencies.is_empty() {
            self.text.push_str("[release.dependencies]\n");
            let mut dependencies: Vec<_> = release.dependencies.iter().collect();
            dependencies.sort_by_key(|dependency| dependency.asked());
            for dependency in dependencies {
                let requirement = quoted(&dependency.requirement.to_string());
                let value = match self.versions.pin(&dependency.release) {
                    Pin::Plugin(plugin) if plugin == *dependency.asked() => requirement,
                    pin => format!("{{ requirement = {requirement}, by = {} }}", pinned(&pin)),
                };
                self.line(&key(&dependency.asked().to_string()), value);
            }
        }
        if !release.capabilities.is_empty() {
            self.text.push_str("[release.capabilities]\n");
            self.lines(&table_of(&release.capabilities));
        }
    }

    fn section(&mut self, head: &str) {
        let _ = writeln!(self.text, "\n{head}");
    }

    fn line(&mut self, key: &str, value: impl Display) {
        let _ = writeln!(self.text, "{key} = {value}");
    }

    fn lines(&mut self, table: &toml::Table) {
        for (name, value) in table {
            self.line(&key(name), inline(value));
        }
    }

    /// A list with one name a line.
    fn names(&mut self, key: &str, names: &BTreeSet<PluginName>) {
        if names.is_empty() {
            return;
        }
        let lines: String =
            names.iter().map(|name| format!("    {},\n", quoted(&name.to_string()))).collect();
        self.line(key, format!("[\n{lines}]"));
    }
}

fn pinned(pin: &Pin) -> String {
    match pin {
        Pin::Plugin(plugin) => quoted(&plugin.to_string()),
        Pin::Release(release) => quoted(&release.to_string()),
    }
}

fn value_of(value: &impl Serialize) -> Value {
    Value::try_from(value).expect("a lock's parts hold only texts, small numbers, lists and tables")
}

fn table_of(value: &impl Serialize) -> toml::Table {
    match value_of(value) {
        Value::Table(table) => table,
        _ => toml::Table::new(),
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) if table.is_empty() => "{}".into(),
        Value::Table(table) => {
            let pairs = table.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Float(_) | Value::Datetime(_) => unreachable!("a lock holds neither"),
    }
}

fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A text on one line, so that what it holds can neither break the line nor hide from who reads the diff.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A text of several lines as several lines.
fn quoted_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(escaped).collect();
    format!("\"\"\"\n{}\"\"\"", lines.join("\n"))
}

fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => clean.push_str("\\\""),
            '\\' => clean.push_str("\\\\"),
            '\n' => clean.push_str("\\n"),
            '\t' => clean.push_str("\\t"),
            '\r' => clean.push_str("\\r"),
            hidden if hides(hidden) => {
                let _ = write!(clean, "\\U{:08X}", u32::from(hidden));
            }
            plain => clean.push(plain),
        }
    }
    clean
}

/// Control characters, and those that reorder or hide text.
fn hides(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}
