//! How numbers, sizes, times and digests are written on pages. The names are the template filters.
#![expect(unreachable_pub, reason = "the template engine's macro writes `pub`")]

use std::fmt::Write as _;

use crate::domain::{Digest, Risk, Timestamp, TrustLevel};

/// `1234567` as `1,234,567`.
pub(crate) fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes as people read it: `812 bytes`, `148 KiB`, `1.4 MiB`.
pub(crate) fn size_text(bytes: u64) -> String {
    const STEP: u64 = 1024;
    if bytes < STEP {
        return if bytes == 1 { "1 byte".into() } else { format!("{bytes} bytes") };
    }
    let (unit, name) = match bytes {
        b if b < STEP * STEP => (STEP, "KiB"),
        b if b < STEP * STEP * STEP => (STEP * STEP, "MiB"),
        _ => (STEP * STEP * STEP, "GiB"),
    };
    let tenths = bytes.saturating_mul(10).saturating_add(unit / 2) / unit;
    if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", (tenths + 5) / 10)
    }
}

/// A span in microseconds as people read it: `640 µs`, `12 ms`, `1.4 s`.
pub(crate) fn span_text(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", group(micros / 1_000_000), micros % 1_000_000 / 100_000),
    }
}

/// How long before `now` it was: `just now`, `5 minutes ago`, `3 days ago`, `2 years ago`.
pub(crate) fn ago_text(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_micros() - then.as_micros()) / 1_000_000;
    let (count, unit) = match seconds {
        ..45 => return "just now".into(),
        45..3_600 => (seconds.max(60) / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400..2_592_000 => (seconds / 86_400, "day"),
        2_592_000..31_536_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// `2026-11-21 12:30:05 UTC`.
pub(crate) fn exact_text(time: Timestamp) -> String {
    let text = time.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(clock)) if text.len() >= 20 => format!("{day} {clock} UTC"),
        _ => text,
    }
}

/// Percent-encodes one value for a query string or a path segment.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    out
}

/// A number however often the template engine has borrowed it.
pub(crate) trait Count {
    /// The number.
    fn count(&self) -> u64;
}

impl Count for u64 {
    fn count(&self) -> u64 {
        *self
    }
}

impl<T: Count> Count for &T {
    fn count(&self) -> u64 {
        (**self).count()
    }
}

/// Thousands separated by commas.
#[askama::filter_fn]
pub(crate) fn grouped(number: impl Count, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(group(number.count()))
}

/// Bytes in binary units.
#[askama::filter_fn]
pub(crate) fn bytes(size_bytes: impl Count, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(size_text(size_bytes.count()))
}

/// Microseconds in a fitting unit.
#[askama::filter_fn]
pub(crate) fn span(micros: impl Count, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(span_text(micros.count()))
}

/// Time relative to the page's `now`.
#[askama::filter_fn]
pub(crate) fn ago(then: &Timestamp, _: &dyn askama::Values, now: &Timestamp) -> askama::Result<String> {
    Ok(ago_text(*then, *now))
}

/// Exact time in UTC.
#[askama::filter_fn]
pub(crate) fn exact(time: &Timestamp, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(exact_text(*time))
}

/// The first and last digits of a digest.
#[askama::filter_fn]
pub(crate) fn short(digest: &Digest, _: &dyn askama::Values) -> askama::Result<String> {
    let hex = digest.to_hex();
    Ok(format!("{}…{}", &hex[..12], &hex[58..]))
}

/// The first digits of a key id.
#[askama::filter_fn]
pub(crate) fn short_key(key_id: impl AsRef<str>, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(key_id.as_ref().chars().take(12).collect())
}

/// What a trust level means.
#[askama::filter_fn]
pub(crate) fn trust_words(level: &TrustLevel, _: &dyn askama::Values) -> askama::Result<&'static str> {
    Ok(match level {
        TrustLevel::Marketplace => {
            "Anybody may open a namespace like this one; the operator of this registry says nothing of it."
        }
        TrustLevel::Partner => "The operator of this registry knows who publishes here.",
        TrustLevel::Internal => "It belongs to the operator of this registry.",
    })
}

/// The CSS class and icon of a risk; `none` for pure computation.
#[askama::filter_fn]
pub(crate) fn risk_class(risk: &Option<Risk>, _: &dyn askama::Values) -> askama::Result<&'static str> {
    Ok(match risk {
        Some(Risk::High) => "high",
        Some(Risk::Medium) => "medium",
        Some(Risk::Low) => "low",
        None => "none",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(group(7), "7");
        assert_eq!(group(1_234), "1,234");
        assert_eq!(group(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn sizes_keep_two_meaningful_digits() {
        assert_eq!(size_text(1), "1 byte");
        assert_eq!(size_text(1_023), "1023 bytes");
        assert_eq!(size_text(1_024), "1 KiB");
        assert_eq!(size_text(1_536), "1.5 KiB");
        assert_eq!(size_text(151_552), "148 KiB");
        assert_eq!(size_text(64 << 20), "64 MiB");
    }

    #[test]
    fn spans_pick_their_unit() {
        assert_eq!(span_text(640), "640 µs");
        assert_eq!(span_text(1_450), "1.4 ms");
        assert_eq!(span_text(12_000), "12 ms");
        assert_eq!(span_text(1_450_000), "1.4 s");
    }

    #[test]
    fn relative_times_never_run_ahead_of_the_clock() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);

        assert_eq!(ago_text(now.plus_seconds(30), now), "just now");
        assert_eq!(ago_text(now.plus_seconds(-50), now), "1 minute ago");
        assert_eq!(ago_text(now.plus_seconds(-3 * 86_400), now), "3 days ago");
        assert_eq!(ago_text(now.plus_seconds(-800 * 86_400), now), "2 years ago");
    }

    #[test]
    fn exact_times_are_in_utc_to_the_second() {
        assert_eq!(exact_text(Timestamp::from_micros(1_800_000_000_123_456)), "2027-01-15 08:00:00 UTC");
    }
}
