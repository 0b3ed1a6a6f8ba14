//! The catalog's pages through the running server: what a visitor of a real registry gets.

use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use crate::harness::server::{ADDER, TestPackage, TestServer, core_manifest};

const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))))"#;
const READER_CAPABILITIES: &str = "[capabilities]\nfile-read = { paths = [\"/data\"], reason = \"<b>reads</b> feeds\" }\n\
     file-write = { paths = [\"/data\"] }\nnetwork = { hosts = [\"*\"] }\n";

/// The status and text of a page as a browser asks for it.
async fn page(server: &TestServer, path: &str) -> (u16, String) {
    let request = server.http.get(format!("{}{path}", server.url)).header(ACCEPT, "text/html");
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    (status, response.text().await.unwrap())
}

#[tokio::test]
async fn an_empty_registry_says_how_to_publish() {
    let server = TestServer::start().await;

    let (status, home) = page(&server, "/").await;
    let (_, search) = page(&server, "/search").await;

    assert_eq!(status, 200);
    assert!(home.contains("Nothing is published here yet") && home.contains("pluginry publish"));
    assert!(search.contains("Publish the first plugin"));
}

#[tokio::test]
async fn a_published_plugin_is_listed_found_and_shown_with_its_passport() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;
    author
        .publish(&TestPackage::pack(&core_manifest("acme:reader@1.0.0", READER_CAPABILITIES), READER))
        .await;

    let (_, home) = page(&server, "/").await;
    let (_, found) = page(&server, "/search?q=adder").await;
    let (_, pure) = page(&server, "/search?risk=none").await;
    let (_, uses) = page(&server, "/search?capability=file-read&sort=name").await;
    let (_, adder) = page(&server, "/plugins/acme/adder").await;
    let (_, reader) = page(&server, "/plugins/acme/reader/1.0.0").await;
    let (_, namespace) = page(&server, "/plugins/acme").await;

    for html in [&home, &namespace] {
        assert!(html.contains("/plugins/acme/adder") && html.contains("/plugins/acme/reader"));
    }
    for html in [&found, &pure] {
        assert!(html.contains("/plugins/acme/adder") && !html.contains("/plugins/acme/reader"));
    }
    assert!(uses.contains("/plugins/acme/reader") && !uses.contains("/plugins/acme/adder"));
    assert!(adder.contains("/api/v1/plugins/acme/adder/1.0.0/tlog-proof"));
    assert!(
        adder
            .contains("pluginry verify adder-1.0.0.wasm --bundle adder-1.0.0.bundle.json --trust trust.json")
    );
    assert!(adder.contains("Pure computation: no files, no network, nothing kept"));
    assert!(adder.contains("pluginry resolve acme:adder@^1.0 -o pluginry.lock"));
    assert!(reader.contains("<code>/data</code>") && reader.contains("&#60;b&#62;reads&#60;/b&#62; feeds"));
    assert!(reader.contains("Asks for more than it uses"), "network is declared and not imported");
}

#[tokio::test]
async fn the_inspection_page_names_every_import_and_why_it_is_allowed() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author
        .publish(&TestPackage::pack(&core_manifest("acme:reader@1.0.0", READER_CAPABILITIES), READER))
        .await;

    let (status, inspection) = page(&server, "/plugins/acme/reader/1.0.0/inspection").await;
    let (_, verification) = page(&server, "/plugins/acme/reader/1.0.0/verification").await;

    assert_eq!(status, 200);
    assert!(inspection.contains("wasi_snapshot_preview1.path_open"));
    assert!(inspection.contains("The manifest declares file-read"));
    assert!(inspection.contains("nothing: asks for more than it uses"));
    assert!(verification.contains("What it did when it was run"));
}

#[tokio::test]
async fn a_yanked_release_says_so_and_offers_no_install() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.1.0", ""), ADDER)).await;

    let request = server.http.patch(format!("{}/api/v1/plugins/acme/adder/1.1.0", server.url));
    let body = serde_json::json!({ "yanked": true, "deprecated": "use 1.0" });
    let answer = request.bearer_auth(&author.token).json(&body).send().await.unwrap();
    let (_, yanked) = page(&server, "/plugins/acme/adder/1.1.0").await;
    let (_, newest) = page(&server, "/plugins/acme/adder").await;

    assert!(answer.status().is_success());
    assert!(yanked.contains("Yanked by its author") && !yanked.contains("pluginry resolve"));
    assert!(yanked.contains("The author says: <q dir=\"auto\">use 1.0</q>"));
    assert!(newest.contains("pluginry resolve acme:adder@^1.0"));
}

#[tokio::test]
async fn a_page_that_is_not_there_leads_to_one_that_is() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;

    let (status, typo) = page(&server, "/plugins/acme/ader").await;
    let (version_status, version) = page(&server, "/plugins/acme/adder/9.0.0").await;
    let (name_status, _) = page(&server, "/plugins/Acme/adder").await;
    let (nowhere_status, nowhere) = page(&server, "/nowhere").await;

    assert_eq!((status, version_status, nowhere_status), (404, 404, 404));
    assert!((400..500).contains(&name_status));
    assert!(typo.contains("Did you mean") && typo.contains("href=\"/plugins/acme/adder\""));
    assert!(version.contains("Its newest version is 1.0.0."));
    assert!(nowhere.contains("action=\"/search\""));
}

#[tokio::test]
async fn static_files_are_kept_for_ever_and_pages_answer_to_head() {
    let server = TestServer::start().await;
    let (_, home) = page(&server, "/").await;
    let style =
        home.split("href=\"").find_map(|rest| rest.strip_prefix("/static/catalog-")?.split('"').next());
    let style = format!("/static/catalog-{}", style.expect("the page names its style sheet"));

    let file = server.get(&style).await;
    let missing = server.get("/static/catalog.css").await;
    let head = server.http.head(format!("{}/", server.url)).send().await.unwrap();

    assert!(file.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!((file.status().as_u16(), missing.status().as_u16(), head.status().as_u16()), (200, 404, 200));
}

#[tokio::test]
async fn words_that_mean_something_to_sql_or_html_are_only_words() {
    let server = TestServer::start().await;

    for words in [
        "%25",
        "_",
        "'%20OR%201=1--",
        "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "%00",
        "a&cursor=-5",
        "a&cursor=99999999999",
    ] {
        let (status, html) = page(&server, &format!("/search?q={words}")).await;
        assert_eq!(status, 200, "{words}");
        assert!(html.contains("Nothing matches") && !html.contains("<script>"), "{words}");
    }
}
