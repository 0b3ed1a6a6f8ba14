//! READMEs to HTML: comrak with raw HTML off, then ammonia, so that either alone would be enough.
//!
//! Pictures become links (a page asks no other host for anything), headings sink below the page's own,
//! and links that lead away say so to the browser.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use ammonia::{Builder, UrlRelative};
use comrak::nodes::NodeValue;
use comrak::{Arena, Options, format_html, parse_document};
use moka::sync::Cache;

use crate::domain::Digest;

/// The level a README's top headings get: the page has one `h1`, and the section is an `h2`.
const TOP_LEVEL: u8 = 3;
/// How much of a README a page shows.
const SHOWN_BYTES: usize = 32 * 1024;
/// Memory for rendered READMEs.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// HTML that went through [`render`]; the only text templates write unescaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanHtml {
    html: Arc<str>,
    is_cut: bool,
}

impl CleanHtml {
    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.html
    }

    /// Whether the source went on.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// Renders the README of the package with this digest, once while it is in demand.
pub fn render_once(digest: Digest, markdown: &str) -> CleanHtml {
    static RENDERED: LazyLock<Cache<Digest, CleanHtml>> = LazyLock::new(|| {
        let weight = |_: &Digest, html: &CleanHtml| u32::try_from(html.html.len()).unwrap_or(u32::MAX);
        Cache::builder().weigher(weight).max_capacity(CACHE_BYTES).build()
    });
    RENDERED.get_with(digest, || render(markdown))
}

/// Renders Markdown from a stranger, as far as a page is worth reading.
pub fn render(markdown: &str) -> CleanHtml {
    let shown = cut(markdown);
    CleanHtml { html: clean(shown).into(), is_cut: shown.len() < markdown.len() }
}

/// The text up to the last paragraph that ends within [`SHOWN_BYTES`].
fn cut(markdown: &str) -> &str {
    if markdown.len() <= SHOWN_BYTES {
        return markdown;
    }
    let start = &markdown[..markdown.floor_char_boundary(SHOWN_BYTES)];
    start.rfind("\n\n").map_or(start, |end| &start[..end])
}

fn clean(markdown: &str) -> String {
    let options = options();
    let arena = Arena::new();
    let document = parse_document(&arena, markdown, &options);
    let mut last_level = TOP_LEVEL - 1;
    let mut sink = None;
    for node in document.descendants() {
        let mut data = node.data.borrow_mut();
        match &mut data.value {
            NodeValue::Heading(heading) => {
                let sink = *sink.get_or_insert_with(|| TOP_LEVEL.saturating_sub(heading.level));
                heading.level = (heading.level + sink).clamp(TOP_LEVEL, 6).min(last_level + 1);
                last_level = heading.level;
            }
            NodeValue::Image(link) => {
                let link = link.clone();
                data.value = NodeValue::Link(link);
            }
            NodeValue::Link(link) if link.url.starts_with('#') => {
                link.url = format!("#readme-{}", &link.url[1..]);
            }
            _ => {}
        }
    }
    let mut html = String::new();
    format_html(document, &options, &mut html).expect("writing to a String cannot fail");
    let clean = SANITIZER.clean(&html).to_string();
    // Wide blocks scroll by keyboard too. Neither tag can come from text: there `<` is escaped.
    clean
        .replace("<pre>", "<pre tabindex=\"0\">")
        .replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>")
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.footnotes = false;
    options.extension.header_id_prefix = Some("readme-".into());
    options.render.escape = true;
    options
}

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    let mut attributes: HashMap<&str, HashSet<&str>> =
        HashMap::from([("a", HashSet::from(["href", "title"])), ("ol", HashSet::from(["start"]))]);
    for heading in ["h3", "h4", "h5", "h6"] {
        attributes.insert(heading, HashSet::from(["id"]));
    }
    let mut builder = Builder::default();
    builder
        .tags(HashSet::from(tags))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .tag_attributes(attributes)
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Custom(Box::new(own_anchor_only)))
        .link_rel(Some("nofollow noopener noreferrer ugc"));
    builder
});

/// Of relative links only those to the README's own headings mean anything here.
fn own_anchor_only(url: &str) -> Option<std::borrow::Cow<'_, str>> {
    url.starts_with("#readme-").then_some(std::borrow::Cow::Borrowed(url))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headings_sink_below_the_page_and_never_skip_a_level() {
        let html = render("# One\n\n### Three\n\n## Two\n");

        let html = html.as_str();
        assert!(html.contains("<h3 id=\"readme-one\">"), "{html}");
        assert!(html.contains("<h4 id=\"readme-three\">"), "{html}");
        assert!(html.contains("<h4 id=\"readme-two\">"), "{html}");
    }

    #[test]
    fn pictures_become_links_and_scripts_become_text() {
        let html = render(
            "![logo](https://evil.example/x.png)\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) \
             [y](/account/delete) [z](#usage) <img src=x onerror=alert(1)>",
        );

        let html = html.as_str();
        assert!(html.contains("href=\"https://evil.example/x.png\"") && !html.contains("<img"), "{html}");
        assert!(!html.contains("<script") && !html.contains("javascript:"), "{html}");
        assert!(html.contains("href=\"#readme-usage\"") && !html.contains("/account"), "{html}");
    }

    proptest! {
        #[test]
        fn no_text_whatever_gets_a_script_a_handler_or_a_style_through(text in "(<[a-z]{1,6} ?|on[a-z]+=|style=|\"|'|>|`|\\[|\\]|\\(|\\)|javascript:|&lt;|\n|x){0,40}") {
            let html = render(&text);

            prop_assert!(super::super::audit::inline_script(html.as_str()).is_none(), "{}", html.as_str());
        }
    }
}
