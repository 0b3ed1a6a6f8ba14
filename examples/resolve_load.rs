//! Asks a running registry for locks at a fixed rate, whatever it answers: no request waits for the one before, and time
//! counts from the moment at which it was due (no coordinated omission).
//!
//! `resolve_load BASE FILE RATE SECONDS [HOSTILE_RATE]` prints rows of a table. FILE is the graph that `fill_registry` wrote,
//! for names to ask for; the questions are those whose answer has about 50 releases. HOSTILE_RATE: so many requests a second
//! beside, each for a graph that takes as long as it is let.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[path = "../tests/resolver/checker.rs"]
#[expect(dead_code, reason = "the graph needs its traits alone")]
mod checker;
#[path = "../tests/resolver/graph.rs"]
#[expect(dead_code, reason = "only names are needed here")]
mod graph;
#[path = "../tests/resolver/hostile.rs"]
#[expect(dead_code, reason = "a few of its graphs are enough")]
mod hostile;

/// Releases in the answers that are asked for, at least and at most.
const ANSWERS: std::ops::RangeInclusive<usize> = 45..=55;
const QUESTIONS_MAX: usize = 40;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, file, rate, seconds, more @ ..] = arguments.as_slice() else {
        panic!("usage: resolve_load BASE FILE RATE SECONDS [HOSTILE_RATE]");
    };
    let (rate, seconds): (f64, f64) = (rate.parse().unwrap(), seconds.parse().unwrap());
    let hostile_rate: f64 = more.first().map_or(0.0, |rate| rate.parse().unwrap());
    let client = Client { http: reqwest::Client::new(), url: format!("{base}/api/v1/resolve").into() };

    let universe = graph::Graph::read(std::fs::File::open(file).unwrap()).unwrap();
    let names = universe.packages.iter().rev().map(|package| package.name.to_string());
    let (fresh, locked) = client.questions(names.collect()).await;
    let hard: Vec<String> =
        [hostile::pigeonhole(14), hostile::satisfiability(160, 685), hostile::ladder(100, 24)]
            .iter()
            .map(|graph| json!({ "roots": graph.roots }).to_string())
            .collect();
    for (what, questions) in [("without a lock", fresh), ("with the lock so far", locked)] {
        let span = Duration::from_secs_f64(seconds);
        let (ordinary, hostile) =
            tokio::join!(client.ask_at(rate, span, &questions), client.ask_at(hostile_rate, span, &hard));
        ordinary.print(&format!("{rate:.0}/s {what}"));
        if hostile_rate > 0.0 {
            hostile.print(&format!("{hostile_rate:.0}/s hostile, beside"));
        }
    }
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: Arc<str>,
}

impl Client {
    async fn ask(&self, question: String) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let request = self.http.post(&*self.url).header("content-type", "application/json").body(question);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await?.to_vec()))
    }

    /// Questions without a lock, and the same with the lock they were answered by.
    async fn questions(&self, names: Vec<String>) -> (Vec<String>, Vec<String>) {
        let (mut fresh, mut locked) = (Vec::new(), Vec::new());
        for name in names {
            let question = json!({ "roots": { name: "*" } });
            let (status, answer) = self.ask(question.to_string()).await.unwrap();
            if status != 200 {
                continue;
            }
            let lock: Value = serde_json::from_slice(&answer).unwrap();
            if ANSWERS.contains(&lock["releases"].as_array().unwrap().len()) {
                let mut again = question.clone();
                again["lock"] = lock;
                fresh.push(question.to_string());
                locked.push(again.to_string());
            }
            if fresh.len() == QUESTIONS_MAX {
                break;
            }
        }
        assert!(!fresh.is_empty(), "no answer has about 50 releases");
        (fresh, locked)
    }

    /// Sends one question after the other when it is due, and waits for all answers at the end.
    async fn ask_at(&self, rate: f64, span: Duration, questions: &[String]) -> Figures {
        let figures = Arc::new(Mutex::new(Figures::default()));
        let start = Instant::now();
        let count = (rate * span.as_secs_f64()) as usize;
        let mut asked = tokio::task::JoinSet::new();
        for number in 0..count {
            let due = start + Duration::from_secs_f64(number as f64 / rate);
            tokio::time::sleep_until(due.into()).await;
            let (client, figures) = (self.clone(), Arc::clone(&figures));
            let question = questions[number % questions.len()].clone();
            asked.spawn(async move {
                let answer = client.ask(question).await;
                let took = due.elapsed();
                let mut figures = figures.lock().unwrap();
                figures.times.push(took);
                let (status, size) = answer.map_or((0, 0), |(status, body)| (status, body.len()));
                *figures.statuses.entry(status).or_default() += 1;
                figures.bytes += size;
            });
        }
        asked.join_all().await;
        Arc::into_inner(figures).unwrap().into_inner().unwrap()
    }
}

#[derive(Default)]
struct Figures {
    times: Vec<Duration>,
    statuses: BTreeMap<u16, usize>,
    bytes: usize,
}

impl Figures {
    fn print(mut self, what: &str) {
        self.times.sort_unstable();
        let at = |share: f64| {
            let place = (self.times.len().saturating_sub(1) as f64 * share) as usize;
            self.times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        let statuses: Vec<String> =
            self.statuses.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        println!(
            "| {what} | {:.2} | {:.2} | {:.2} | {:.1} | {} |",
            at(0.5),
            at(0.99),
            at(1.0),
            self.bytes as f64 / self.times.len().max(1) as f64 / 1e3,
            statuses.join(", "),
        );
    }
}
