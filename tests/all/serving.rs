//! How the server serves: entity tags, ranges, limits, slow clients, and stopping without loss.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::harness::server::{ADDER, TestPackage, TestServer, accept, core_manifest, refusal};

async fn published(server: &TestServer) -> (TestPackage, String) {
    let author = server.author("acme").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);
    let answer = author.publish(&package).await;
    let digest = answer["release"]["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    (package, digest)
}

fn header(response: &reqwest::Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn an_index_file_is_answered_with_304_for_its_entity_tag() {
    // A verification run that ends in between would change the file.
    let server = TestServer::start_with(|configuration| configuration.verification.children = 0).await;
    published(&server).await;
    let first = server.get("/index/acme/adder.json").await;
    let tag = header(&first, "etag");

    let url = format!("{}/index/acme/adder.json", server.url);
    let again = server.http.get(&url).header("if-none-match", &tag).send().await.unwrap();
    let other = server.http.get(&url).header("if-none-match", "\"other\"").send().await.unwrap();

    assert_eq!(header(&first, "cache-control"), "public, max-age=60");
    assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag));
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn a_package_is_served_whole_in_parts_and_by_its_head() {
    let server = TestServer::start().await;
    let (package, digest) = published(&server).await;
    let url = format!("{}/blobs/sha256/{digest}", server.url);

    let whole = server.http.get(&url).send().await.unwrap();
    let part = server.http.get(&url).header("range", "bytes=4-7").send().await.unwrap();
    let head = server.http.head(&url).send().await.unwrap();
    let beyond = server.http.get(&url).header("range", "bytes=999999-").send().await.unwrap();

    assert_eq!(header(&whole, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(whole.bytes().await.unwrap(), package.bytes);
    let size = package.bytes.len();
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, format!("bytes 4-7/{size}")));
    assert_eq!(part.bytes().await.unwrap(), package.bytes[4..8]);
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, size.to_string()));
    assert_eq!(
        (beyond.status().as_u16(), header(&beyond, "content-range")),
        (416, format!("bytes */{size}"))
    );
}

#[tokio::test]
async fn whatever_can_be_read_answers_to_head_with_the_same_headers() {
    let server = TestServer::start_with(|configuration| configuration.verification.children = 0).await;
    published(&server).await;
    let release = "/api/v1/plugins/acme/adder/1.0.0";
    let paths = [
        "/",
        "/health/ready",
        "/index/acme/adder.json",
        "/api/v1/plugins",
        "/api/v1/plugins/acme/adder",
        release,
    ];

    for path in paths {
        let get = server.get(path).await;
        let head = server.http.head(format!("{}{path}", server.url)).send().await.unwrap();

        assert_eq!(head.status(), 200, "HEAD {path}");
        for name in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(header(&head, name), header(&get, name), "{name} of HEAD {path}");
        }
        assert!(head.bytes().await.unwrap().is_empty(), "HEAD {path} has a body");
    }
    let url = format!("{}{release}", server.url);
    let wrong = server.http.post(url).send().await.unwrap();
    assert_eq!(header(&wrong, "allow"), "GET, HEAD, PUT, PATCH");
}

#[tokio::test]
async fn an_unknown_address_a_wrong_method_and_a_wrong_body_are_problems() {
    let server = TestServer::start().await;

    let unknown = refusal(server.get("/api/v1/nothing").await).await;
    let method =
        refusal(server.http.delete(format!("{}/api/v1/plugins", server.url)).send().await.unwrap()).await;
    let body = refusal(server.post("/api/v1/resolve", "", json!({ "rots": {} })).await).await;
    let media = server.http.post(format!("{}/api/v1/resolve", server.url)).body("x").send().await.unwrap();
    let media = refusal(media).await;

    let codes =
        [&unknown, &method, &body, &media].map(|problem| problem["code"].as_str().unwrap().to_owned());
    assert_eq!(codes, ["not-found", "method-not-allowed", "malformed-body", "unsupported-media-type"]);
}

#[tokio::test]
async fn a_request_id_comes_back_and_a_browser_gets_a_page() {
    let server = TestServer::start().await;

    let named = server.http.get(format!("{}/nothing", server.url)).header("x-request-id", "mine-1");
    let named = named.header("accept", "text/html").send().await.unwrap();
    let hostile = server.http.get(format!("{}/nothing", server.url)).header("x-request-id", "<x>");
    let hostile = hostile.send().await.unwrap();

    assert_eq!(header(&named, "x-request-id"), "mine-1");
    assert!(header(&named, "content-type").starts_with("text/html"));
    assert_ne!(header(&hostile, "x-request-id"), "<x>");
}

#[tokio::test]
async fn asking_too_often_is_answered_with_429_and_when_to_come_back() {
    let server =
        TestServer::start_with(|configuration| configuration.rate_limits.address_per_minute = 3).await;

    let mut last = server.get("/api/v1/plugins").await;
    for _ in 0..3 {
        last = server.get("/api/v1/plugins").await;
    }

    assert!(header(&last, "retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(refusal(last).await["code"], "rate-limited");
}

#[tokio::test]
async fn a_body_that_stands_still_is_answered_with_408() {
    let server = TestServer::start_with(|configuration| configuration.limits.body_timeout_ms = 100).await;
    let address = server.url.trim_start_matches("http://").to_owned();

    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = "POST /api/v1/resolve HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    })
    .await
    .unwrap();

    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"code\":\"slow-body\""), "{answer}");
}

#[tokio::test]
async fn a_publish_in_flight_is_finished_when_the_server_is_told_to_stop() {
    let mut server = TestServer::start().await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);
    let (token, attestation) = {
        let author = server.author("acme").await;
        (author.token.clone(), package.sign(&author.key).to_json())
    };
    let address = server.url.trim_start_matches("http://").to_owned();
    let body = form(&package.bytes, &attestation);
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!(
        "PUT /api/v1/plugins/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: multipart/form-data; boundary=limit\r\ncontent-length: {}\r\n\r\n",
        package.address(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..body.len() / 2]).unwrap();
    let uploads = server.data().join("uploads");
    while std::fs::read_dir(&uploads).unwrap().next().is_none() {
        tokio::task::yield_now().await;
    }

    server.begin_stop();
    while TcpStream::connect(&address).is_ok() {
        tokio::task::yield_now().await;
    }
    let answer = tokio::task::spawn_blocking(move || {
        stream.write_all(&body[body.len() / 2..]).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    });
    let answer = answer.await.unwrap();
    server.restart();

    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let plugin = server.get_json("/api/v1/plugins/acme/adder").await;
    assert_eq!(plugin["versions"], json!(["1.0.0"]));
}

fn form(package: &[u8], attestation: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in [("package", package), ("attestation", attestation)] {
        body.extend_from_slice(
            format!("--limit\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--limit--\r\n");
    body
}

#[tokio::test]
async fn downloads_are_counted_once_flushed() {
    let mut server = TestServer::start().await;
    published(&server).await;
    for _ in 0..3 {
        server.get("/api/v1/plugins/acme/adder/1.0.0/download").await.bytes().await.unwrap();
    }

    server.restart();

    let release = server.get_json("/api/v1/plugins/acme/adder/1.0.0").await;
    assert_eq!(release["downloads"], 3);
}

#[tokio::test]
async fn health_and_metrics_answer() {
    let server = TestServer::start().await;

    let ready = server.get_json("/health/ready").await;
    let configuration = accept(server.get("/index/config.json").await).await;
    let metrics = server.get("/metrics").await.text().await.unwrap();

    assert_eq!(ready, json!({ "status": "ready" }));
    assert_eq!(configuration["api"], format!("{}/api/v1", server.url));
    assert!(metrics.contains("http_requests_total"), "{metrics}");
}

#[tokio::test]
async fn a_text_with_the_character_nul_is_refused_before_the_database_sees_it() {
    let server = TestServer::start().await;

    let body = serde_json::json!({ "name": "ada", "email": "ada\0@example.org", "password": "correct horse battery" });
    let response = server.post("/api/v1/accounts", "", body).await;

    assert_eq!(response.status(), 400);
    assert_eq!(response.json::<serde_json::Value>().await.unwrap()["code"], "malformed-body");
}
