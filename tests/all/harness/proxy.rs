//! Somebody between a registry and those who read it, who changes what passes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// What becomes of the body of a good answer at a path; nothing: the path is not there.
type Change = Arc<dyn Fn(&str, Vec<u8>) -> Option<Vec<u8>> + Send + Sync>;

/// A running proxy. Dropping it stops it.
pub struct Proxy {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Passing {
    upstream: String,
    http: reqwest::Client,
    change: Change,
    /// What is answered without asking anybody.
    files: Arc<BTreeMap<String, Vec<u8>>>,
}

impl Proxy {
    /// Answers what `files` has by path, and passes every other `GET` on to `upstream`.
    pub fn start_with_files(upstream: &str, files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::run(upstream, Arc::new(|_: &str, body| Some(body)), files)
    }

    /// Passes every `GET` on to `upstream` and every answer through `change`.
    pub fn start(
        upstream: &str,
        change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self::run(upstream, Arc::new(change), BTreeMap::new())
    }

    fn run(upstream: &str, change: Change, files: BTreeMap<String, Vec<u8>>) -> Self {
        let (http, files) = (reqwest::Client::new(), Arc::new(files));
        let passing = Passing { upstream: upstream.to_owned(), http, change, files };
        let (started_sender, started) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new().app_data(web::Data::new(passing.clone())).default_service(web::to(pass))
                });
                let server = server.disable_signals().workers(1).bind("127.0.0.1:0").unwrap();
                let url = format!("http://{}", server.addrs()[0]);
                let server = server.run();
                started_sender.send((url, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (url, handle) = started.recv().unwrap();
        Self { url, handle, thread: Some(thread) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Told without waiting: the server's own thread does what there is to do.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn pass(request: HttpRequest, passing: web::Data<Passing>) -> HttpResponse {
    if let Some(file) = passing.files.get(request.path()) {
        return HttpResponse::Ok().body(file.clone());
    }
    let url = format!("{}{}", passing.upstream, request.uri());
    let answer = passing.http.get(url).send().await.unwrap();
    let status = actix_web::http::StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let body = answer.bytes().await.unwrap().to_vec();
    let body = if status.is_success() { (passing.change)(request.path(), body) } else { Some(body) };
    let Some(body) = body else { return HttpResponse::NotFound().body("nothing is at this address") };
    let mut response = HttpResponse::build(status);
    if let Some(content_type) = content_type {
        response.content_type(content_type);
    }
    response.body(body)
}
