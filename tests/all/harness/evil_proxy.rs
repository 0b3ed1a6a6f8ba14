//! A registry that lies: it stands before a real one and changes the answers a test wants changed.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

/// What is made of the answers below a path.
struct Lie {
    path: String,
    change: Box<dyn Fn(Answer) -> Answer + Send + Sync>,
}

/// An answer on its way.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its media type.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

type Lies = Arc<Mutex<Vec<Lie>>>;

/// A running proxy. Dropping it stops it.
pub struct EvilProxy {
    /// `http://127.0.0.1:PORT`, where the honest registry seems to be.
    pub url: String,
    lies: Lies,
    handle: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// What the handler knows.
struct Registry {
    url: String,
    http: reqwest::Client,
    lies: Lies,
}

impl EvilProxy {
    /// A proxy before the registry at `url`, honest so far.
    pub fn before(url: &str) -> Self {
        let lies = Lies::default();
        let registry = (url.to_owned(), Arc::clone(&lies));
        let (sender, started) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (url, lies) = registry;
                let registry = web::Data::new(Registry { url, http: reqwest::Client::new(), lies });
                let app = move || App::new().app_data(registry.clone()).default_service(web::to(answer));
                let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(0);
                let server = server.bind("127.0.0.1:0").unwrap();
                let address = server.addrs()[0];
                let running = server.run();
                sender.send((address, running.handle())).unwrap();
                running.await.unwrap();
            });
        });
        let (address, handle) = started.recv().unwrap();
        Self { url: format!("http://{address}"), lies, handle, thread: Some(thread) }
    }

    /// From now on, answers to paths that begin with `path` are changed.
    pub fn lie(&self, path: &str, change: impl Fn(Answer) -> Answer + Send + Sync + 'static) {
        self.lies.lock().unwrap().push(Lie { path: path.to_owned(), change: Box::new(change) });
    }

    /// From now on, the bytes are changed.
    pub fn change_bytes(&self, path: &str, change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) {
        self.lie(path, move |mut answer| {
            change(&mut answer.body);
            answer
        });
    }

    /// From now on, the JSON is changed.
    pub fn change_json(&self, path: &str, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.change_bytes(path, move |body| {
            let mut value = serde_json::from_slice(body).unwrap();
            change(&mut value);
            *body = serde_json::to_vec(&value).unwrap();
        });
    }

    /// From now on, this is the answer.
    pub fn answer(&self, path: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        self.lie(path, move |answer| Answer { status: 200, body: body.clone(), ..answer });
    }

    /// Tells the truth again.
    pub fn be_honest(&self) {
        self.lies.lock().unwrap().clear();
    }
}

impl Drop for EvilProxy {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(request: HttpRequest, body: web::Bytes, registry: web::Data<Registry>) -> HttpResponse {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap();
    let mut forwarded = registry.http.request(method, format!("{}{path}", registry.url)).body(body);
    for (name, value) in request.headers() {
        if !matches!(name.as_str(), "host" | "content-length" | "accept-encoding") {
            forwarded = forwarded.header(name.as_str(), value.as_bytes());
        }
    }
    let honest = forwarded.send().await.unwrap();
    let content_type = honest.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let mut answer = Answer {
        status: honest.status().as_u16(),
        content_type: content_type.unwrap_or_default(),
        body: honest.bytes().await.unwrap().to_vec(),
    };
    for lie in registry.lies.lock().unwrap().iter().filter(|lie| path.starts_with(&lie.path)) {
        answer = (lie.change)(answer);
    }
    let status = actix_web::http::StatusCode::from_u16(answer.status).unwrap();
    HttpResponse::build(status).content_type(answer.content_type).body(answer.body)
}
