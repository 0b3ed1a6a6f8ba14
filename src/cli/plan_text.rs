//! A comparison of two locks in words, as `upgrade-plan`, `resolve --dry-run` and `resolve --locked` show it.

use super::layout::{hanging, power, powers, size, table};
use super::terminal::one_line;
use crate::resolver::{
    CapabilityChange, Comparison, Facts, HeldBack, LetGo, ReleaseChange, ReleaseChangeKind,
};

/// Hex digits of a key that tell it from others at a glance.
const KEY_SHOWN: usize = 16;

/// Everything that differs, release by release, then together.
pub(super) fn plan_text(comparison: &Comparison, held_back: &[HeldBack], let_go: &[LetGo]) -> String {
    let mut blocks = Vec::new();
    if comparison.changes.is_empty() && comparison.asked.is_empty() {
        blocks.push("Nothing changes.".to_owned());
    } else {
        blocks.extend(changes(&comparison.changes));
        blocks.extend(asked(comparison));
        blocks.push(together(comparison));
    }
    let let_go = let_go.iter().map(|gone| hanging(&format!("  {} ", gone.name), &one_line(&gone.reason)));
    blocks.extend(section("Cannot be kept:", let_go.collect()));
    let held_back = held_back.iter().map(|held| {
        let mark = format!("  {} {} (not {}): ", held.name, held.chosen, held.newest);
        hanging(&mark, &one_line(&held.reason))
    });
    blocks.extend(section("Held back:", held_back.collect()));
    blocks.join("\n\n")
}

fn section(head: &str, lines: Vec<String>) -> Option<String> {
    (!lines.is_empty()).then(|| format!("{head}\n{}", lines.join("\n")))
}

fn changes(changes: &[ReleaseChange]) -> Option<String> {
    let rows: Vec<Vec<String>> = changes.iter().map(row).collect();
    let lines = table(&rows)
        .into_iter()
        .zip(changes)
        .flat_map(|(line, change)| [line].into_iter().chain(details(change)));
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn row(change: &ReleaseChange) -> Vec<String> {
    let mark = match change.kind {
        ReleaseChangeKind::Added => '+',
        ReleaseChangeKind::Removed => '-',
        ReleaseChangeKind::Upgraded | ReleaseChangeKind::Downgraded | ReleaseChangeKind::Changed => '~',
    };
    let both = |tell: &dyn Fn(&Facts) -> String| {
        let (before, after) = (change.before.as_ref().map(tell), change.after.as_ref().map(tell));
        match (before, after) {
            (Some(before), Some(after)) if before == after => after,
            (Some(before), Some(after)) => format!("{before} -> {after}"),
            (before, after) => before.or(after).unwrap_or_default(),
        }
    };
    let versions = both(&|facts| facts.version.to_string());
    let older = if change.kind == ReleaseChangeKind::Downgraded { " (older)" } else { "" };
    vec![
        format!("{mark} {}", change.plugin),
        format!("{versions}{older}"),
        both(&|facts| size(facts.size_bytes)),
    ]
}

fn details(change: &ReleaseChange) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut warn = |text: String| lines.push(hanging("    ! ", &text));
    if change.package_changed {
        warn("the same version with other bytes: do not use it, tell its author".into());
    }
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        if change.signer_changed {
            warn(format!("signed by another key: {} -> {}", key(&before.signer), key(&after.signer)));
        }
        if before.risk != after.risk {
            warn(format!("risk {} -> {}", risk(before.risk), risk(after.risk)));
        }
        if before.license != after.license {
            warn(format!("licence {} -> {}", one_line(&before.license), one_line(&after.license)));
        }
        if before.verification != after.verification {
            let word = |facts: &Facts| format!("{:?}", facts.verification).to_lowercase();
            warn(format!("verification {} -> {}", word(before), word(after)));
        }
    }
    if let Some(advice) = &change.newly_deprecated {
        warn(format!("deprecated: {}", one_line(advice)));
    }
    if !change.met_by_others.is_empty() {
        let names: Vec<String> = change.met_by_others.iter().map(ToString::to_string).collect();
        warn(format!("{} met by another plugin than before", names.join(", ")));
    }
    lines.extend(change.capabilities_gained.iter().map(|gained| capability("    + ", gained)));
    lines.extend(change.capabilities_lost.iter().map(|lost| capability("    - ", lost)));
    lines
}

fn capability(mark: &str, change: &CapabilityChange) -> String {
    let reason = change.reason.as_deref().map(|reason| format!(": {}", one_line(reason)));
    let power = one_line(&power(&change.capability, &change.scope));
    hanging(mark, &format!("{power}{}", reason.unwrap_or_default()))
}

fn key(signer: &str) -> String {
    let shown: String = one_line(signer).chars().take(KEY_SHOWN).collect();
    format!("{shown}…")
}

fn risk(risk: Option<crate::domain::Risk>) -> String {
    risk.map_or_else(|| "none".to_owned(), |risk| risk.to_string())
}

fn asked(comparison: &Comparison) -> Option<String> {
    let lines = comparison.asked.iter().map(|change| {
        let side = |text: &Option<String>| text.as_deref().map_or_else(|| "nothing".to_owned(), one_line);
        let what = one_line(&change.what);
        hanging(&format!("  {what}: "), &format!("{} -> {}", side(&change.before), side(&change.after)))
    });
    section("Asked otherwise:", lines.collect())
}

fn together(comparison: &Comparison) -> String {
    let kinds = [
        (ReleaseChangeKind::Added, "added"),
        (ReleaseChangeKind::Removed, "removed"),
        (ReleaseChangeKind::Upgraded, "upgraded"),
        (ReleaseChangeKind::Downgraded, "downgraded"),
        (ReleaseChangeKind::Changed, "changed"),
    ];
    let counts = kinds.into_iter().map(|(kind, word)| (comparison.count(kind), word));
    let counts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let counts = if counts.is_empty() { "No release changes".to_owned() } else { counts.join(", ") };
    let download = match comparison.download_bytes {
        0 => String::new(),
        bytes => format!("; {} to download", size(bytes)),
    };
    let (before, after) = (&comparison.before, &comparison.after);
    let mut lines = vec![
        hanging("", &format!("{counts}{download}.")),
        hanging(
            "",
            &format!(
                "{} releases of {} -> {} of {}; highest risk {} -> {}.",
                before.releases,
                size(before.size_bytes),
                after.releases,
                size(after.size_bytes),
                risk(before.risk),
                risk(after.risk)
            ),
        ),
    ];
    if !comparison.capabilities_gained.is_empty() {
        lines.push(hanging("Newly asked of you: ", &one_line(&powers(&comparison.capabilities_gained))));
    }
    if !comparison.capabilities_lost.is_empty() {
        lines.push(hanging("No longer asked of you: ", &one_line(&powers(&comparison.capabilities_lost))));
    }
    lines.join("\n")
}
