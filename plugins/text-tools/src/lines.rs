//! Jobs on the lines of a text.

use std::collections::BTreeSet;

/// Lines in the order of their characters; `numeric` sorts by the number they begin with first.
pub fn sort(text: &str, numeric: bool, descending: bool) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    if numeric {
        lines.sort_by(|a, b| leading_number(a).total_cmp(&leading_number(b)).then_with(|| a.cmp(b)));
    } else {
        lines.sort_unstable();
    }
    if descending {
        lines.reverse();
    }
    lines.join("\n")
}

/// Each line once, where it first stood.
pub fn unique(text: &str) -> String {
    let mut seen = BTreeSet::new();
    text.lines().filter(|line| seen.insert(*line)).collect::<Vec<_>>().join("\n")
}

/// Lines of at most `width` characters, broken at spaces; paragraphs stay apart.
pub fn wrap(text: &str, width: usize) -> String {
    let wrap_line = |line: &str| {
        let mut lines: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            match lines.last_mut() {
                Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                    last.push(' ');
                    last.push_str(word);
                }
                _ => lines.push(word.into()),
            }
        }
        lines.join("\n")
    };
    text.lines().map(wrap_line).collect::<Vec<_>>().join("\n")
}

fn leading_number(line: &str) -> f64 {
    let line = line.trim_start();
    let end = line
        .char_indices()
        .find(|(index, c)| !(c.is_ascii_digit() || *c == '.' || (*index == 0 && *c == '-')))
        .map_or(line.len(), |(index, _)| index);
    line[..end].parse().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sorted_by_text_or_by_number() {
        assert_eq!(sort("b\na\nc", false, true), "c\nb\na");
        assert_eq!(sort("10 ten\n9 nine\n-1 x\nnone", true, false), "-1 x\n9 nine\n10 ten\nnone");
    }

    #[test]
    fn repeated_lines_are_kept_once() {
        assert_eq!(unique("b\na\nb\nb"), "b\na");
    }

    #[test]
    fn long_lines_are_broken_at_spaces_and_long_words_left_whole() {
        assert_eq!(wrap("aa bb cc\n\nincomprehensible x", 5), "aa bb\ncc\n\nincomprehensible\nx");
    }
}
