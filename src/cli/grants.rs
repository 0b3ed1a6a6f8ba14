//! `--grant` as text: `network`, `network=hosts:a.example:443,b.example:443;methods:GET`.

use crate::domain::{CapabilityName, Grants, Scope};

/// One `--grant`: a capability with the scope it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) capability: CapabilityName,
    pub(super) scope: Scope,
}

impl std::str::FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (capability, kinds) = match text.split_once('=') {
            Some((capability, kinds)) => (capability, kinds.split(';').collect()),
            None => (text, Vec::new()),
        };
        let mut scope = Scope::default();
        for kind in kinds {
            let (kind, values) = kind
                .split_once(':')
                .filter(|(kind, values)| !kind.is_empty() && !values.is_empty())
                .ok_or_else(|| {
                    format!("{kind:?} is not of the form KIND:VALUE,VALUE, like hosts:api.example.com:443")
                })?;
            scope.0.entry(kind.to_owned()).or_default().extend(values.split(',').map(str::to_owned));
        }
        Ok(Self { capability: capability.parse().map_err(|error| format!("{error}"))?, scope })
    }
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<String> =
            self.scope.0.iter().map(|(kind, values)| format!("{kind}:{}", values.join(","))).collect();
        let separator = if kinds.is_empty() { "" } else { "=" };
        write!(f, "{}{separator}{}", self.capability, kinds.join(";"))
    }
}

impl Grant {
    /// The flag to add, quoted where a shell would read it otherwise.
    pub(super) fn as_flag(&self) -> String {
        let text = self.to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=:,./@".contains(c);
        if text.chars().all(plain) {
            format!("--grant {text}")
        } else {
            format!("--grant '{}'", text.replace('\'', r"'\''"))
        }
    }
}

/// Adds grants to those so far: values of a kind add up; a grant without scope is without limit.
pub(super) fn add(so_far: &mut Grants, grants: impl IntoIterator<Item = Grant>) {
    for Grant { capability, scope } in grants {
        let Some(before) = so_far.get_mut(&capability) else {
            so_far.insert(capability, scope);
            continue;
        };
        before.0.retain(|kind, _values| scope.0.contains_key(kind));
        for (kind, values) in &mut before.0 {
            for value in &scope.0[kind] {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_reads_back_as_written() {
        for text in ["network", "network=hosts:api.example.com:443", "files=modes:read;paths:/a,/b"] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
        for text in ["", "=", "network=", "network=hosts", "network=hosts:", "Network=hosts:a", "network=:a"]
        {
            assert!(text.parse::<Grant>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_flag_survives_a_shell() {
        let wide: Grant = "network=hosts:*".parse().unwrap();

        assert_eq!(wide.as_flag(), "--grant 'network=hosts:*'");
    }

    #[test]
    fn grants_add_up_and_never_narrow() {
        let parse = |text: &str| text.parse::<Grant>().unwrap();
        let mut grants = Grants::new();

        add(&mut grants, [parse("network=hosts:a:1"), parse("network=hosts:b:2")]);
        assert_eq!(grants[&"network".parse().unwrap()].0["hosts"], ["a:1", "b:2"]);
        add(&mut grants, [parse("network")]);

        assert!(grants[&"network".parse().unwrap()].0.is_empty());
    }
}
