//! Style sheet, script, fonts and icon: inside the binary, served under a name that carries their digest,
//! so that they may be cached for ever and a new release of the server is never seen half.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::domain::Digest;

/// One file of `static/` as it is served.
struct Asset {
    name: &'static str,
    path: String,
    media_type: &'static str,
    body: web::Bytes,
}

/// The files in an order in which each mentions only files before it.
static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let mut assets = Vec::new();
    let mut add = |name, media_type, bytes: &'static [u8]| {
        let asset = hashed(name, media_type, bytes, &assets);
        assets.push(asset);
    };
    add("source-serif-4.woff2", "font/woff2", include_bytes!("../../../static/fonts/source-serif-4.woff2"));
    add(
        "source-serif-4-italic.woff2",
        "font/woff2",
        include_bytes!("../../../static/fonts/source-serif-4-italic.woff2"),
    );
    add("source-code-pro.woff2", "font/woff2", include_bytes!("../../../static/fonts/source-code-pro.woff2"));
    add("favicon.svg", "image/svg+xml", include_bytes!("../../../static/favicon.svg"));
    add("catalog.css", "text/css; charset=utf-8", STYLE.as_bytes());
    add("catalog.js", "text/javascript; charset=utf-8", include_bytes!("../../../static/catalog.js"));
    assets
});

/// The catalog's rules, and those of the pictures in its pages.
const STYLE: &str = concat!(
    include_str!("../../../static/catalog.css"),
    "\n",
    include_str!("../../resolver/picture/rules.css")
);

fn hashed(name: &'static str, media_type: &'static str, bytes: &'static [u8], before: &[Asset]) -> Asset {
    let body = match std::str::from_utf8(bytes) {
        Ok(text) if media_type.starts_with("text/css") => before
            .iter()
            .fold(text.to_owned(), |css, asset| {
                css.replace(&format!("url(/static/{})", asset.name), &format!("url({})", asset.path))
            })
            .into(),
        _ => web::Bytes::from_static(bytes),
    };
    let (stem, extension) = name.rsplit_once('.').expect("every static file has an extension");
    let path = format!("/static/{stem}-{}.{extension}", &Digest::of(&body).to_hex()[..12]);
    Asset { name, path, media_type, body }
}

/// Where a file of `static/` is served.
///
/// # Panics
/// If there is no such file, which the page tests would show.
pub fn asset_url(name: &str) -> &'static str {
    &ASSETS.iter().find(|asset| asset.name == name).expect("templates name embedded files only").path
}

/// `GET /static/{file}`.
pub async fn show_asset(file: web::Path<String>) -> HttpResponse {
    let found = ASSETS.iter().find(|asset| asset.path.strip_prefix("/static/") == Some(file.as_str()));
    let Some(asset) = found else {
        return HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("No such file.\n");
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.media_type))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(asset.body.clone())
}

#[cfg(test)]
pub(super) fn asset_body(name: &str) -> web::Bytes {
    ASSETS.iter().find(|asset| asset.name == name).expect("a known file").body.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_names_fonts_by_their_digest_and_nothing_foreign() {
        let css = String::from_utf8(asset_body("catalog.css").to_vec()).unwrap();

        assert!(css.contains(&format!("url({})", asset_url("source-serif-4.woff2"))));
        assert_eq!(css.matches("url(").count(), 3);
        assert!(!css.contains("http://") && !css.contains("https://") && !css.contains("@import"));
    }

    #[actix_web::test]
    async fn a_file_is_served_under_its_digest_for_ever_and_under_no_other_name() {
        let name = asset_url("catalog.css").trim_start_matches("/static/").to_owned();

        let found = show_asset(web::Path::from(name)).await;
        let missing = show_asset(web::Path::from("catalog.css".to_owned())).await;

        assert!(found.headers().get("cache-control").unwrap().to_str().unwrap().contains("immutable"));
        assert_eq!(missing.status(), 404);
    }
}
