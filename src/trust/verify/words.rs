//! How evidence is worded.

use crate::domain::{Timestamp, VerificationState};

/// A moment to the minute: people do not compare microseconds.
pub(super) fn minute_of(at: Timestamp) -> String {
    let text = Timestamp::from_micros(at.as_micros().div_euclid(60_000_000) * 60_000_000).to_string();
    match text.strip_suffix(":00Z") {
        Some(minute) => format!("{}Z", minute.replace('T', " ")),
        None => text,
    }
}

/// The time between two moments in its largest fitting unit.
pub(super) fn time_between(earlier: Timestamp, later: Timestamp) -> String {
    let minutes = later.as_micros().saturating_sub(earlier.as_micros()) / 60_000_000;
    match minutes {
        ..=0 => "less than a minute".into(),
        1..=119 => counted(minutes, "minute"),
        120..=2879 => counted(minutes / 60, "hour"),
        _ => counted(minutes / 1440, "day"),
    }
}

/// `1 entry`, `2 entries`.
pub(super) fn entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

fn counted(count: i64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// The word the API has for it.
pub(super) fn state_word(state: VerificationState) -> &'static str {
    match state {
        VerificationState::Pending => "pending",
        VerificationState::Passed => "passed",
        VerificationState::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_times_are_told_as_people_say_them() {
        let at = Timestamp::from_micros(1_700_000_000_000_000);

        assert_eq!(minute_of(at), "2023-11-14 22:13Z");
        let told =
            [0, 60, 7_199, 7_200, 172_799, 172_800, 900_000].map(|s| time_between(at, at.plus_seconds(s)));
        assert_eq!(
            told,
            ["less than a minute", "1 minute", "119 minutes", "2 hours", "47 hours", "2 days", "10 days"]
        );
    }
}
