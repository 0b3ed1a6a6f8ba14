//! A tiny HTTP server: one thread, one request a connection, answers by path.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is answered to a path.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type: "application/wasm", headers: Vec::new(), body: body.into() }
    }

    pub(super) fn json(value: &impl serde::Serialize) -> Self {
        Self { content_type: "application/json", ..Self::bytes(serde_json::to_vec(value).unwrap()) }
    }

    pub(super) fn problem(status: u16, code: &str, detail: &str) -> Self {
        let body = serde_json::json!({
            "type": format!("/problems/{code}"), "title": "Refused", "status": status, "code": code,
            "detail": detail, "mend": "Do as it says.", "request_id": "r-1",
        });
        Self { status, content_type: "application/problem+json", ..Self::json(&body) }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A request as it arrived.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) line: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// Answers in the order given for a path, the last one forever; other paths are 404.
pub(super) struct TestRegistry {
    address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, Vec<Answer>>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl TestRegistry {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Arc<Mutex<HashMap<String, Vec<Answer>>>> = Arc::default();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (thread_answers, thread_received) = (Arc::clone(&answers), Arc::clone(&received));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = serve(stream.unwrap(), &thread_answers, &thread_received);
            }
        });
        Self { address, answers, received }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().entry(path.to_owned()).or_default().push(answer);
    }

    /// Answers this from now on, whatever was set before.
    pub(super) fn set(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), vec![answer]);
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    answers: &Mutex<HashMap<String, Vec<Answer>>>,
    received: &Mutex<Vec<Received>>,
) -> std::io::Result<()> {
    let request = read_request(&stream)?;
    let path = request.line.split(' ').nth(1).unwrap_or_default().to_owned();
    received.lock().unwrap().push(request);
    let answer = match answers.lock().unwrap().get_mut(&path) {
        Some(queue) if queue.len() > 1 => queue.remove(0),
        Some(queue) => queue[0].clone(),
        None => Answer::problem(404, "not-found", &format!("nothing at {path}")),
    };
    write!(
        stream,
        "HTTP/1.1 {} Test\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n",
        answer.status,
        answer.content_type,
        answer.body.len()
    )?;
    for (name, value) in &answer.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "\r\n")?;
    stream.write_all(&answer.body)
}

fn read_request(stream: &TcpStream) -> std::io::Result<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|value: &String| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Received { line: line.trim_end().to_owned(), headers, body })
}
