//! Graphs made to hurt, at the running server: each gets an answer, nobody else waits for it, and nothing goes on behind
//! a client that has left. What the lanes do is seen by what they hold, not by how long it takes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::io::Write as _;
use std::net::TcpStream;

use insta::assert_json_snapshot;
use pluginry::config::Configuration;
use pluginry::db::Database;
use pluginry::registry::SolverLoad;
use serde_json::{Value, json};

use crate::harness::rows::write_releases;
use crate::harness::server::{TestServer, accept, refusal};

#[path = "../resolver/hostile.rs"]
#[expect(dead_code, reason = "the server is tried with the smaller graphs")]
mod hostile;
use hostile::HostileGraph;

/// As good as never: what must end before does so for another reason.
const AN_HOUR_MS: u64 = 3_600_000;
const IDLE: SolverLoad = SolverLoad { quick: 0, waiting_to_begin: 0, slow: 0, waiting_to_go_on: 0 };

/// A registry that holds `graphs` and a plugin that anybody may ask for.
async fn start(graphs: &[HostileGraph], change: impl FnOnce(&mut Configuration)) -> TestServer {
    let mut server = TestServer::start_with(|configuration| {
        configuration.verification.children = 0;
        change(configuration);
    })
    .await;
    server.stop();
    let database = Database::connect(server.database().url()).await.unwrap();
    for graph in graphs.iter().chain([&hostile::harmless()]) {
        write_releases(&database, graph.lines.iter().map(|(name, line)| (name, line))).await;
    }
    database.close().await;
    server.restart();
    server
}

/// One for which all the time in the world is not enough.
fn endless() -> HostileGraph {
    hostile::pigeonhole(14)
}

fn question(graph: &HostileGraph) -> Value {
    json!({ "roots": graph.roots })
}

async fn serves_others(server: &TestServer) {
    let lock = accept(server.post("/api/v1/resolve", "", question(&hostile::harmless())).await).await;
    assert_eq!(lock["releases"].as_array().unwrap().len(), 3);
}

/// A question sent by hand; closing the connection is leaving.
fn ask(server: &TestServer, graph: &HostileGraph) -> TcpStream {
    let body = question(graph).to_string();
    let address = server.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let head = "POST /api/v1/resolve HTTP/1.1\r\nhost: registry\r\ncontent-type: application/json\r\n";
    write!(connection, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    connection
}

#[tokio::test]
async fn every_hostile_graph_gets_a_lock_or_a_refusal_while_others_are_served() {
    let graphs = [
        hostile::pigeonhole(12),
        hostile::satisfiability(100, 426),
        hostile::fan_out(300),
        hostile::chain(400, Some("gone")),
        hostile::circle(400),
        hostile::providers(100),
        hostile::one_long_conflict(60),
        hostile::ladder(60, 12),
    ];
    let server = start(&graphs, |configuration| configuration.limits.resolve_ms = 300).await;

    let ask = |graph| server.post("/api/v1/resolve", "", question(graph));
    let (answers, ()) = futures::join!(futures::future::join_all(graphs.iter().map(ask)), async {
        for _ in 0..20 {
            serves_others(&server).await;
        }
    });

    for (graph, answer) in graphs.iter().zip(answers) {
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        let is_lock = status == 200 && problem["releases"].is_array();
        let is_refusal = status == 422 && problem["code"].as_str().unwrap().starts_with("resolve-");
        assert!(is_lock || is_refusal, "{}: {status} {problem}", graph.name);
    }
    server.solver_has(IDLE).await;
}

#[tokio::test]
async fn others_are_served_while_hostile_graphs_queue_among_themselves() {
    let graph = endless();
    let server =
        start(std::slice::from_ref(&graph), |configuration| configuration.limits.resolve_ms = AN_HOUR_MS)
            .await;
    let hostile: Vec<TcpStream> = (0..4).map(|_| ask(&server, &graph)).collect();
    let queued = SolverLoad { slow: 1, waiting_to_go_on: 3, ..IDLE };
    server.solver_has(queued).await;

    for _ in 0..20 {
        serves_others(&server).await;
    }

    server.solver_has(queued).await;
    drop(hostile);
    server.solver_has(IDLE).await;
}

#[tokio::test]
async fn work_ends_and_its_turn_is_free_when_the_client_leaves() {
    let graph = endless();
    let server = start(std::slice::from_ref(&graph), |configuration| {
        configuration.limits.resolve_ms = AN_HOUR_MS;
        configuration.limits.resolve_quantum_ms = AN_HOUR_MS;
        configuration.limits.resolve_concurrency = 1;
    })
    .await;
    let working = ask(&server, &graph);
    server.solver_has(SolverLoad { quick: 1, ..IDLE }).await;
    let waiting = ask(&server, &graph);
    server.solver_has(SolverLoad { quick: 1, waiting_to_begin: 1, ..IDLE }).await;

    drop(waiting);
    server.solver_has(SolverLoad { quick: 1, ..IDLE }).await;
    drop(working);
    server.solver_has(IDLE).await;

    serves_others(&server).await;
}

#[tokio::test]
async fn a_full_queue_answers_with_the_time_to_come_back() {
    let graph = endless();
    let server = start(std::slice::from_ref(&graph), |configuration| {
        configuration.limits.resolve_ms = AN_HOUR_MS;
        configuration.limits.resolve_quantum_ms = AN_HOUR_MS;
        configuration.limits.resolve_concurrency = 1;
        configuration.limits.resolve_waiting = 1;
    })
    .await;
    let _working = ask(&server, &graph);
    server.solver_has(SolverLoad { quick: 1, ..IDLE }).await;
    let _waiting = ask(&server, &graph);
    server.solver_has(SolverLoad { quick: 1, waiting_to_begin: 1, ..IDLE }).await;

    let answer = server.post("/api/v1/resolve", "", question(&graph)).await;

    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    assert_json_snapshot!(problem, { ".request_id" => "[id]" });
}

#[tokio::test]
async fn whoever_finds_the_slow_lane_full_is_put_off() {
    let graph = endless();
    let server = start(std::slice::from_ref(&graph), |configuration| {
        configuration.limits.resolve_ms = AN_HOUR_MS;
        configuration.limits.resolve_slow_waiting = 1;
    })
    .await;
    let _hostile = [ask(&server, &graph), ask(&server, &graph)];
    server.solver_has(SolverLoad { slow: 1, waiting_to_go_on: 1, ..IDLE }).await;

    let answer = server.post("/api/v1/resolve", "", question(&graph)).await;

    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "busy");
    serves_others(&server).await;
}

#[tokio::test]
async fn what_goes_past_a_bound_is_refused_in_plain_words() {
    let graph = endless();
    let server = start(std::slice::from_ref(&graph), |configuration| {
        configuration.limits.resolve_ms = 50;
        configuration.limits.lock_bytes = 100_000;
    })
    .await;
    let ask = async |question: Value| refusal(server.post("/api/v1/resolve", "", question).await).await;
    let many = |count: usize| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
    let roots: serde_json::Map<String, Value> =
        many(1_001).into_iter().map(|name| (format!("a:{name}"), json!("*"))).collect();

    let refusals = json!({
        "too hard": ask(question(&graph)).await,
        "too many roots": ask(json!({ "roots": roots })).await,
        "too many licences": ask(json!({ "roots": {}, "policy": { "licenses": many(1_001) } })).await,
        "too many namespaces": ask(json!({ "roots": {}, "policy": { "denied_namespaces": many(1_001) } })).await,
        "too large": ask(json!({ "roots": {}, "upgrade": vec!["acme:markdown"; 10_000] })).await,
    });

    assert_json_snapshot!(refusals);
}

#[tokio::test]
async fn a_body_nested_without_end_is_refused_and_overflows_nothing() {
    let server = start(&[], |_| ()).await;
    let deep = format!(r#"{{"roots":{{}},"lock":{{"unknown":{}"#, "[".repeat(500_000));

    let request = server.http.post(format!("{}/api/v1/resolve", server.url));
    let answer = request.header("content-type", "application/json").body(deep).send().await.unwrap();

    assert_eq!(refusal(answer).await["code"], "malformed-body");
}

#[tokio::test]
async fn a_change_is_finished_although_its_client_left() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let body = json!({ "name": "left-behind" }).to_string();
    let address = server.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let head = "POST /api/v1/namespaces HTTP/1.1\r\nhost: registry\r\ncontent-type: application/json\r\n";
    let length = body.len();
    write!(
        connection,
        "{head}authorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n{body}",
        author.token
    )
    .unwrap();

    drop(connection);

    // It is begun once the connection is read, which nobody waits for here.
    let keys = async || server.get("/api/v1/namespaces/left-behind/keys").await.status();
    while keys().await != 200 {
        tokio::task::yield_now().await;
    }
}
