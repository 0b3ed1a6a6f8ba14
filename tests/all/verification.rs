//! Verification runs through the real child process: good modules, and each way of being hostile.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::io::Write as _;
use std::path::Path;

use pluginry::domain::{HostProfile, Manifest};
use pluginry::runtime::{
    LimitKind, Stage, VerificationLimits, VerificationOutcome, VerificationReport, VerificationRequest,
    verify_in_child,
};

const PROFILE: &str = r#"
name = "test:host"
version = "1.0.0"
abi = "core"
[[import]]
module = "host"
name = "log"
type = "(i32)"
[[import]]
module = "host"
name = "send"
type = "(i32)"
capability = "network"
[[capability]]
name = "network"
risk = "high"
description = "Can send"
"#;

const MANIFEST: &str = r#"
[plugin]
name = "test:module"
version = "1.0.0"
description = "A module under test"
license = "MIT"
[host]
profile = "test:host"
version = "^1.0"
"#;

fn request(cases: &str) -> VerificationRequest {
    let manifest = Manifest::from_toml(&format!("{MANIFEST}{cases}")).unwrap();
    let profile = HostProfile::from_toml(PROFILE).unwrap();
    VerificationRequest::new(&manifest, &profile)
}

fn call_case(call: &str) -> String {
    format!("[[verify]]\nname = \"calls {call}\"\ncall = \"{call}\"\nexpect = {{ json = [] }}\n")
}

async fn verify_bytes(bytes: &[u8], request: &VerificationRequest) -> VerificationReport {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let executable = Path::new(env!("CARGO_BIN_EXE_pluginry"));
    verify_in_child(executable, file.path(), request).await.unwrap()
}

async fn verify(text: &str, request: &VerificationRequest) -> VerificationReport {
    verify_bytes(&wat::parse_str(text).unwrap(), request).await
}

/// The outcome of calling the export `run` of a module.
async fn outcome_of_run(text: &str) -> VerificationOutcome {
    verify(text, &request(&call_case("run"))).await.outcome
}

fn over(outcome: &VerificationOutcome) -> Option<(LimitKind, Stage)> {
    match outcome {
        VerificationOutcome::OverLimit { which, stage, .. } => Some((*which, *stage)),
        _ => None,
    }
}

#[tokio::test]
async fn exports_are_called_with_numbers_and_every_fact_is_recorded() {
    let module = r#"(module
        (memory (export "memory") 2)
        (func (export "add") (param i32 i64 f32 f64) (result i32 f64)
            local.get 0
            local.get 3))"#;
    let cases = r#"
[[verify]]
name = "gives back the first and the last"
call = "add"
input = [4294967295, 2, 1.5, 2.25]
expect = { json = [-1, 2.25] }
"#;

    let report = verify(module, &request(cases)).await;

    assert_eq!(report.outcome, VerificationOutcome::Passed);
    assert!(report.deterministic && report.cases[0].passed && report.cases[0].deterministic);
    assert_eq!(report.cases[0].output, "[-1,2.25]");
    assert_eq!(report.peak_memory_bytes, 2 * 65_536);
    assert!(report.fuel > 0 && report.compile_ms.is_some() && report.instantiate_us.is_some());
    assert_eq!(report.runtime_version, "wasmtime 48.0.8");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_child_is_held_by_every_means_the_kernel_has() {
    let report = verify("(module)", &request("")).await;

    assert_eq!(report.outcome, VerificationOutcome::Passed);
    assert!(report.isolation.resource_limits && report.isolation.seccomp, "{:?}", report.isolation);
    let landlock_is_there = std::fs::read_to_string("/sys/kernel/security/lsm")
        .map_or(report.isolation.landlock, |modules| modules.contains("landlock"));
    assert_eq!(report.isolation.landlock, landlock_is_there);
}

#[tokio::test]
async fn a_wrong_answer_names_the_case_and_both_values() {
    let module = r#"(module (func (export "seven") (result i32) i32.const 7))"#;
    let cases = "[[verify]]\nname = \"is eight\"\ncall = \"seven\"\nexpect = { json = [8] }\n";

    let report = verify(module, &request(cases)).await;

    assert_eq!(
        report.outcome,
        VerificationOutcome::Failed {
            stage: Stage::Calling,
            case: Some("is eight".into()),
            message: "expected [8], got [7]".into()
        }
    );
}

#[tokio::test]
async fn a_trap_is_a_failure_or_what_the_case_expects() {
    let module = r#"(module (func (export "run") unreachable))"#;
    let expected = "[[verify]]\nname = \"traps\"\ncall = \"run\"\nexpect = { error = \"unreachable\" }\n";

    assert!(matches!(outcome_of_run(module).await, VerificationOutcome::Failed { .. }));
    assert_eq!(verify(module, &request(expected)).await.outcome, VerificationOutcome::Passed);
}

#[tokio::test]
async fn only_declared_capabilities_are_linked_and_stubs_say_their_name() {
    let sends = r#"(module (import "host" "send" (func (param i32))))"#;
    let logs = r#"(module (import "host" "log" (func $log (param i32)))
        (func (export "run") (call $log (i32.const 1))))"#;

    let undeclared = verify(sends, &request("")).await.outcome.sentence();
    let declared = verify(sends, &request("[capabilities]\nnetwork = {}\n")).await.outcome;
    let stub = outcome_of_run(logs).await.sentence();

    assert_eq!(declared, VerificationOutcome::Passed);
    assert!(undeclared.contains("needs the capability `network`, which it was not given"), "{undeclared}");
    assert!(stub.contains("the host function `host` `log`, which is a stub"), "{stub}");
}

#[tokio::test]
async fn an_endless_loop_ends_when_its_fuel_is_used_up() {
    let outcome = outcome_of_run(r#"(module (func (export "run") (loop (br 0))))"#).await;

    assert_eq!(over(&outcome), Some((LimitKind::Fuel, Stage::Calling)));
}

#[tokio::test]
async fn a_start_function_that_spins_ends_while_instantiating() {
    let outcome = outcome_of_run("(module (func $spin (loop (br 0))) (start $spin))").await;

    assert_eq!(over(&outcome), Some((LimitKind::Fuel, Stage::Instantiating)));
}

#[tokio::test]
async fn an_activation_that_spins_ends_while_activating() {
    let outcome = outcome_of_run(r#"(module (func (export "_initialize") (loop (br 0))))"#).await;

    assert_eq!(over(&outcome), Some((LimitKind::Fuel, Stage::Activating)));
}

#[tokio::test]
async fn endless_recursion_ends_at_the_stack_limit() {
    let outcome = outcome_of_run(r#"(module (func $down (export "run") (call $down)))"#).await;

    assert_eq!(over(&outcome), Some((LimitKind::Stack, Stage::Calling)));
}

#[tokio::test]
async fn memory_that_grows_until_it_is_refused_and_then_traps_is_over_the_limit() {
    let module = r#"(module (memory 1)
        (func (export "run") (loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable))"#;

    let report = verify(module, &request(&call_case("run"))).await;

    assert_eq!(over(&report.outcome), Some((LimitKind::Memory, Stage::Calling)));
    assert!(report.peak_memory_bytes <= 16 * 1024 * 1024);
}

#[tokio::test]
async fn a_plugin_that_lives_with_a_refused_growth_passes() {
    let module = r#"(module (memory 1) (func (export "run") (drop (memory.grow (i32.const 10000)))))"#;

    assert_eq!(outcome_of_run(module).await, VerificationOutcome::Passed);
}

#[tokio::test]
async fn huge_memories_and_tables_are_refused_before_they_exist() {
    let memory = outcome_of_run("(module (memory 65536))").await;
    let table = outcome_of_run("(module (table 4000000000 funcref))").await;
    let growing = r#"(module (table 1 funcref)
        (func (export "run") (br_if 0 (i32.ne (table.grow (ref.null func) (i32.const 1000000)) (i32.const -1))) unreachable))"#;

    assert_eq!(over(&memory).map(|(which, _)| which), Some(LimitKind::Memory), "{memory:?}");
    assert_eq!(over(&table).map(|(which, _)| which), Some(LimitKind::Tables), "{table:?}");
    assert_eq!(over(&outcome_of_run(growing).await), Some((LimitKind::Tables, Stage::Calling)));
}

#[tokio::test]
async fn an_infinite_number_of_host_calls_is_not_reachable_through_a_stub() {
    let module = r#"(module (import "host" "log" (func $log (param i32)))
        (func (export "run") (loop (call $log (i32.const 1)) (br 0))))"#;

    assert!(matches!(outcome_of_run(module).await, VerificationOutcome::Failed { .. }));
}

/// Many functions just under the caps: each passes preflight, the sum keeps a compiler busy for minutes.
fn compile_bomb() -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = String::from("(module\n");
    for _ in 0..60 {
        text.push_str("(func (param i32)");
        text.push_str(&" (local i32)".repeat(1_900));
        text.push_str(&"(loop ".repeat(100));
        for local in 1..1_900 {
            let _ = write!(text, "(local.set {local} (i32.add (local.get {local}) (local.get 0)))");
        }
        text.push_str("(br_if 0 (local.get 0))");
        text.push_str(&")".repeat(101));
    }
    text.push(')');
    wat::parse_str(&text).unwrap()
}

#[tokio::test]
async fn a_compile_bomb_within_the_preflight_caps_is_too_costly_by_cpu_time() {
    let limits = VerificationLimits { cpu_seconds: 2, ..request("").limits };
    let request = VerificationRequest { limits, ..request("") };

    let outcome = verify_bytes(&compile_bomb(), &request).await.outcome;

    assert!(matches!(outcome, VerificationOutcome::TooCostlyToCompile { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_compile_bomb_is_too_costly_by_wall_time_when_cpu_time_allows_it() {
    let limits = VerificationLimits { wall_seconds: 1, ..request("").limits };
    let request = VerificationRequest { limits, ..request("") };

    let outcome = verify_bytes(&compile_bomb(), &request).await.outcome;

    assert!(matches!(outcome, VerificationOutcome::TooCostlyToCompile { .. }), "{outcome:?}");
}

#[tokio::test]
async fn bytes_that_are_no_module_fail_and_harm_nothing() {
    let report = verify_bytes(b"PK\x03\x04 this is a zip", &request("")).await;

    assert!(matches!(report.outcome, VerificationOutcome::Failed { .. }), "{:?}", report.outcome);
}

#[tokio::test]
async fn a_package_that_is_not_there_is_the_callers_error_not_a_verdict() {
    let executable = Path::new(env!("CARGO_BIN_EXE_pluginry"));

    let result = verify_in_child(executable, Path::new("/nonexistent/package.wasm"), &request("")).await;

    assert!(result.is_err());
}
