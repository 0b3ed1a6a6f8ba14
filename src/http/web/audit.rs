//! What holds for every page, checked over every sample.

use super::assets::asset_body;
use super::samples::{HOSTILE, rendered};

/// The most a page may weigh with its style sheet and script.
const PAGE_MAX_BYTES: usize = 100 * 1024;
const SCRIPT_MAX_BYTES: usize = 10 * 1024;

/// One start tag: its name and attributes.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Start tags as a browser's tokenizer finds them, near enough for markup that is well-formed.
fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        let name = rest[..name_end].to_ascii_lowercase();
        rest = &rest[name_end..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if rest.is_empty() || rest.starts_with('>') {
                break;
            }
            let end =
                rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
            let key = rest[..end.max(1)].to_ascii_lowercase();
            rest = &rest[end.max(1)..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix('=') {
                let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (text, left) = match quote {
                    Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                    None => after
                        .split_at(after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len())),
                };
                value = text.to_owned();
                rest = left;
            }
            attributes.push((key, value));
        }
        found.push(Tag { name, attributes });
    }
    found
}

/// The first thing in `html` that a strict policy would have to stop.
pub(super) fn inline_script(html: &str) -> Option<String> {
    tags(html).into_iter().find_map(|tag| {
        let is_own_script =
            tag.name == "script" && tag.attribute("src").is_some_and(|src| src.starts_with("/static/"));
        let bad_element =
            matches!(tag.name.as_str(), "script" | "style" | "iframe" | "object" | "embed" | "base")
                && !is_own_script;
        let bad_attribute = tag.attributes.iter().find(|(key, value)| {
            let value = value.trim().to_ascii_lowercase();
            key.starts_with("on")
                || key == "style"
                || key == "srcdoc"
                || (matches!(key.as_str(), "href" | "src" | "action")
                    && (value.starts_with("javascript:") || value.starts_with("data:") || value == "#"))
        });
        match (bad_element, bad_attribute) {
            (true, _) => Some(format!("<{}>", tag.name)),
            (_, Some((key, value))) => Some(format!("<{} {key}={value}>", tag.name)),
            _ => None,
        }
    })
}

/// The text between tags.
fn text_of(html: &str) -> String {
    html.split('<')
        .filter_map(|piece| piece.split_once('>').map(|(_, text)| text))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn no_page_carries_inline_script_style_or_handlers_whatever_its_authors_wrote() {
    for (name, html) in rendered() {
        assert_eq!(inline_script(&html), None, "{name}");
        assert!(!html.contains(HOSTILE), "{name} shows hostile text as markup");
    }
}

#[test]
fn the_check_for_inline_script_finds_what_it_looks_for() {
    for bad in [
        "<script>",
        "<a onclick=x>",
        "<p style='x'>",
        "<a href=\" JavaScript:x\">",
        "<a href='#'>",
        "<img src=x onerror=y>",
    ] {
        assert!(inline_script(bad).is_some(), "{bad}");
    }
    assert_eq!(inline_script("<script src=\"/static/x.js\"></script> a < b onclick=x"), None);
}

#[test]
fn no_page_promises_what_nobody_can() {
    for (name, html) in rendered() {
        let text = text_of(&html).to_lowercase();
        for word in ["safe", "trusted", "dangerous"] {
            assert!(!text.contains(word), "{name} says {word:?}");
        }
    }
}

#[test]
fn every_page_stays_within_its_weight() {
    let style = asset_body("catalog.css").len();
    let script = asset_body("catalog.js").len();
    assert!(script <= SCRIPT_MAX_BYTES, "the script weighs {script} bytes");

    for (name, html) in rendered() {
        let weight = html.len() + style + script;
        assert!(weight <= PAGE_MAX_BYTES, "{name} weighs {weight} bytes");
    }
}

#[test]
fn every_page_has_one_h1_headings_in_order_landmarks_and_unique_ids() {
    for (name, html) in rendered() {
        let tags = tags(&html);
        let count = |wanted: &str| tags.iter().filter(|tag| tag.name == wanted).count();
        let levels: Vec<u8> =
            tags.iter().filter_map(|tag| tag.name.strip_prefix('h')?.parse().ok()).collect();
        let mut ids: Vec<_> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();

        assert_eq!((count("h1"), count("main"), count("header"), count("footer")), (1, 1, 1, 1), "{name}");
        assert_eq!(levels.first(), Some(&1), "{name}");
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {levels:?}");
        assert_eq!(ids.len(), all, "{name} repeats an id");
        assert!(tags.iter().all(|tag| tag.name != "img"), "{name} asks for a picture");
        for tag in &tags {
            for key in ["src", "action"] {
                assert!(tag.attribute(key).is_none_or(|url| url.starts_with('/')), "{name}: {key}");
            }
        }
    }
}

#[test]
fn a_yanked_release_offers_no_install_command() {
    let pages = rendered();
    let page = |wanted: &str| &pages.iter().find(|(name, _)| *name == wanted).expect("a sample").1;

    assert!(page("release").contains("pluginry resolve acme:markdown@^1.2"));
    assert!(!page("release-yanked").contains("pluginry resolve"));
}

#[test]
fn the_passport_reads_the_same_on_every_day() {
    let pages = rendered();
    let page = |wanted: &str| pages.iter().find(|(name, _)| *name == wanted).expect("a sample").1.clone();
    let passport = |html: String| {
        let start = html.find("<section class=\"passport").expect("a passport");
        html[start..start + html[start..].find("</section>").expect("its end")].to_owned()
    };

    insta::assert_snapshot!("passport-of-a-plugin-with-powers", passport(page("release")));
    insta::assert_snapshot!("passport-of-pure-computation", passport(page("release-pure")));
}

/// Relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value =
            f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("a hexadecimal colour")) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn colours_keep_their_contrast_in_both_themes() {
    let css = String::from_utf8(asset_body("catalog.css").to_vec()).unwrap();
    let themes: Vec<&str> = css.match_indices("--paper:").map(|(at, _)| &css[at..]).collect();
    assert_eq!(themes.len(), 2, "a light theme and a dark one");

    for (theme, css) in ["light", "dark"].iter().zip(themes) {
        let colour = |name: &str| {
            let start = css.find(&format!("--{name}: #")).expect("a token") + name.len() + 4;
            css[start..start + 7].to_owned()
        };
        let check = |front: &str, back: &str, least: f64| {
            let ratio = contrast(&colour(front), &colour(back));
            assert!(ratio >= least, "{theme}: {front} on {back} is {ratio:.2}, less than {least}");
        };
        for back in ["paper", "sheet", "wash"] {
            for front in ["ink", "soft", "accent", "high", "medium", "low"] {
                check(front, back, 4.5);
            }
            check("edge", back, 3.0);
        }
        for risk in ["high", "medium", "low"] {
            check(risk, &format!("{risk}-wash"), 4.5);
            check("ink", &format!("{risk}-wash"), 4.5);
            check("accent", &format!("{risk}-wash"), 4.5);
        }
        check("on-accent", "accent", 4.5);
    }
}

#[test]
fn pictures_of_their_own_have_the_colours_of_the_catalog() {
    let css = String::from_utf8(asset_body("catalog.css").to_vec()).unwrap();

    for (name, by_day, by_night) in crate::resolver::picture::COLOURS {
        let found: Vec<&str> = css
            .match_indices(&format!("--{name}: "))
            .map(|(at, text)| &css[at + text.len()..][..7])
            .collect();
        assert_eq!(found, [by_day, by_night], "{name}");
    }
}

/// Writes every sample to `PLUGINRY_PAGES` for people and browser tests to look at.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not configuration of the program")]
fn samples_can_be_written_out_for_browsers() {
    let Ok(directory) = std::env::var("PLUGINRY_PAGES") else { return };
    let directory = std::path::PathBuf::from(directory);
    std::fs::create_dir_all(directory.join("static")).unwrap();

    for (name, html) in rendered() {
        std::fs::write(directory.join(format!("{name}.html")), html).unwrap();
    }
    for name in [
        "source-serif-4.woff2",
        "source-serif-4-italic.woff2",
        "source-code-pro.woff2",
        "favicon.svg",
        "catalog.css",
        "catalog.js",
    ] {
        std::fs::write(directory.join(super::asset_url(name).trim_start_matches('/')), asset_body(name))
            .unwrap();
    }
}
