//! The verification run itself: compile, instantiate, activate, every case twice, deactivate.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::{
    CASE_OUTPUT_MAX_BYTES, CaseReport, HostServices, Isolation, LimitKind, Plugin, PluginError, PluginLimits,
    RunningPlugin, Sandbox, Stage, Terms, VerificationOutcome, VerificationReport, VerificationRequest, cut,
};
use crate::domain::{Expectation, VerifyCase};
use crate::wasm::{PreflightCap, PreflightError, PreflightLimits, preflight};

/// Runs the whole verification in this process, telling each stage as it begins.
pub(super) fn verify(
    sandbox: &Sandbox,
    bytes: &[u8],
    request: &VerificationRequest,
    isolation: Isolation,
    on_stage: &mut dyn FnMut(Stage, Option<&str>),
) -> VerificationReport {
    let mut report = VerificationReport::of_outcome(VerificationOutcome::Passed);
    report.isolation = isolation;
    let mut run = Run { request, terms: terms(request), report, on_stage };
    if let Err(outcome) = run.whole(sandbox, bytes) {
        run.report.outcome = outcome;
    }
    run.report
}

fn terms(request: &VerificationRequest) -> Terms {
    Terms {
        profile: request.profile.clone(),
        granted: request.capabilities.keys().cloned().collect(),
        limits: PluginLimits::from(&request.limits),
    }
}

struct Run<'a> {
    request: &'a VerificationRequest,
    terms: Terms,
    report: VerificationReport,
    on_stage: &'a mut dyn FnMut(Stage, Option<&str>),
}

/// What one fresh instance did with one case.
struct Round {
    result: Result<Value, PluginError>,
    call_fuel: u64,
    total_fuel: u64,
    duration_us: u64,
    host_calls: BTreeMap<String, u64>,
}

impl Run<'_> {
    fn whole(&mut self, sandbox: &Sandbox, bytes: &[u8]) -> Result<(), VerificationOutcome> {
        (self.on_stage)(Stage::Preflight, None);
        let limits = PreflightLimits {
            memory_bytes: self.terms.limits.memory_bytes,
            table_elements: self.terms.limits.table_elements,
            ..PreflightLimits::default()
        };
        preflight(bytes, &limits).map_err(|error| explain_preflight(&error))?;

        (self.on_stage)(Stage::Compiling, None);
        let began = Instant::now();
        let plugin =
            Plugin::compile(sandbox, bytes).map_err(|error| explain(error, Stage::Compiling, None))?;
        self.report.compile_ms = Some(millis(began));

        self.report.deterministic = true;
        let cases = &self.request.cases;
        if cases.is_empty() {
            return self.start_and_stop(&plugin);
        }
        for case in cases {
            self.case(&plugin, case)?;
        }
        match self.report.cases.iter().find(|case| !case.passed) {
            None => Ok(()),
            Some(case) => Err(VerificationOutcome::Failed {
                stage: Stage::Calling,
                case: Some(case.name.clone()),
                message: case.problem.clone().unwrap_or_default(),
            }),
        }
    }

    fn start_and_stop(&mut self, plugin: &Plugin) -> Result<(), VerificationOutcome> {
        let (mut running, fuel) = self.start(plugin, None)?;
        let deactivated = self.stop(&mut running, None)?;
        self.report.fuel = fuel + deactivated;
        self.report.host_calls = running.host_calls();
        Ok(())
    }

    fn case(&mut self, plugin: &Plugin, case: &VerifyCase) -> Result<(), VerificationOutcome> {
        // Two rounds, as the verification policy says.
        let first = self.round(plugin, case)?;
        let second = self.round(plugin, case)?;
        let deterministic = first.result == second.result && first.total_fuel == second.total_fuel;
        let problem = judge(&case.expect, &first.result);
        let output = match &first.result {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        };
        self.report.cases.push(CaseReport {
            name: case.name.clone(),
            call: case.call.clone(),
            passed: problem.is_none(),
            output: cut(output, CASE_OUTPUT_MAX_BYTES),
            problem: problem.map(|problem| cut(problem, CASE_OUTPUT_MAX_BYTES)),
            fuel: first.call_fuel,
            duration_us: first.duration_us,
            deterministic,
        });
        self.report.deterministic &= deterministic;
        self.report.fuel += first.total_fuel;
        for (name, count) in first.host_calls {
            *self.report.host_calls.entry(name).or_default() += count;
        }
        // A limit is its own outcome, unless running into it is what the case is about.
        match (first.result, self.report.cases.last().is_some_and(|case| case.passed)) {
            (Err(error @ PluginError::OverLimit { .. }), false) => {
                Err(explain(error, Stage::Calling, Some(case)))
            }
            _ => Ok(()),
        }
    }

    fn round(&mut self, plugin: &Plugin, case: &VerifyCase) -> Result<Round, VerificationOutcome> {
        let (mut running, mut total_fuel) = self.start(plugin, Some(case))?;
        (self.on_stage)(Stage::Calling, Some(&case.name));
        let began = Instant::now();
        let (result, call_fuel) = running.call(&case.call, &case.input);
        let duration_us = micros(began);
        total_fuel += call_fuel;
        self.note_memory(&running);
        // After a trap the instance must not be entered again.
        if matches!(result, Ok(_) | Err(PluginError::Refused { .. })) {
            total_fuel += self.stop(&mut running, Some(case))?;
        }
        Ok(Round { result, call_fuel, total_fuel, duration_us, host_calls: running.host_calls() })
    }

    fn start(
        &mut self,
        plugin: &Plugin,
        case: Option<&VerifyCase>,
    ) -> Result<(RunningPlugin, u64), VerificationOutcome> {
        (self.on_stage)(Stage::Instantiating, case.map(|case| case.name.as_str()));
        let began = Instant::now();
        let mut running = plugin
            .start(&self.terms, HostServices::default())
            .map_err(|error| explain(error, Stage::Instantiating, case))?;
        self.report.instantiate_us.get_or_insert_with(|| micros(began));
        self.note_memory(&running);
        (self.on_stage)(Stage::Activating, case.map(|case| case.name.as_str()));
        let activated = running.activate();
        self.note_memory(&running);
        let fuel = activated.map_err(|error| explain(error, Stage::Activating, case))?;
        let start_fuel = running.start_fuel();
        Ok((running, start_fuel + fuel))
    }

    fn stop(
        &mut self,
        running: &mut RunningPlugin,
        case: Option<&VerifyCase>,
    ) -> Result<u64, VerificationOutcome> {
        (self.on_stage)(Stage::Deactivating, case.map(|case| case.name.as_str()));
        let stopped = running.deactivate();
        self.note_memory(running);
        stopped.map_err(|error| explain(error, Stage::Deactivating, case))
    }

    fn note_memory(&mut self, running: &RunningPlugin) {
        let peak = running.peak_memory_bytes();
        self.report.peak_memory_bytes = self.report.peak_memory_bytes.max(peak);
    }
}

fn explain_preflight(error: &PreflightError) -> VerificationOutcome {
    let message = error.to_string();
    let stage = Stage::Preflight;
    let over =
        |which| VerificationOutcome::OverLimit { which, stage, case: None, message: error.to_string() };
    match error {
        PreflightError::OverCap { cap: PreflightCap::MemoryBytes, .. } => over(LimitKind::Memory),
        PreflightError::OverCap { cap: PreflightCap::TableElements, .. } => over(LimitKind::Tables),
        PreflightError::OverCap { .. } | PreflightError::ImportsComponent { .. } => {
            VerificationOutcome::TooCostlyToCompile { message }
        }
        PreflightError::Invalid { .. } => VerificationOutcome::Failed { stage, case: None, message },
    }
}

fn explain(error: PluginError, stage: Stage, case: Option<&VerifyCase>) -> VerificationOutcome {
    let case = case.map(|case| case.name.clone());
    match error {
        PluginError::OverLimit { which, problem } => VerificationOutcome::OverLimit {
            which,
            stage,
            case,
            message: cut(problem, CASE_OUTPUT_MAX_BYTES),
        },
        other => VerificationOutcome::Failed {
            stage,
            case,
            message: cut(other.to_string(), CASE_OUTPUT_MAX_BYTES),
        },
    }
}

/// What is wrong with a result, if anything.
fn judge(expect: &Expectation, result: &Result<Value, PluginError>) -> Option<String> {
    match (expect, result) {
        (Expectation::Json(wanted), Ok(value)) if same_json(wanted, value) => None,
        (Expectation::Json(wanted), Ok(value)) => Some(format!("expected {wanted}, got {value}")),
        (Expectation::Contains(wanted), Ok(value)) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (!text.contains(wanted))
                .then(|| format!("expected a result that contains {wanted:?}, got {text}"))
        }
        (Expectation::Error(wanted), Err(error)) => {
            let text = error.to_string();
            (!text.contains(wanted))
                .then(|| format!("expected an error that contains {wanted:?}, got: {text}"))
        }
        (Expectation::Error(wanted), Ok(value)) => {
            Some(format!("expected an error that contains {wanted:?}, got the result {value}"))
        }
        (Expectation::Json(_) | Expectation::Contains(_), Err(error)) => Some(error.to_string()),
    }
}

/// Equal as JSON means it: 1 and 1.0 are the same number, the order of keys does not matter.
fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_compared_by_value_and_objects_without_order() {
        assert!(same_json(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
        assert!(!same_json(&json!({"a": 1}), &json!({"a": 1, "b": null})));
        assert!(!same_json(&json!([1, 2]), &json!([2, 1])));
        // Two whole numbers that only a double confuses.
        assert!(!same_json(&json!(9_007_199_254_740_993_u64), &json!("9007199254740993")));
    }

    #[test]
    fn a_verdict_says_what_was_expected_and_what_came() {
        let refused = Err(PluginError::Refused { message: "column 3: division by zero".into() });

        assert_eq!(judge(&Expectation::Error("division".into()), &refused), None);
        assert_eq!(judge(&Expectation::Json(json!([1])), &Ok(json!([2]))).unwrap(), "expected [1], got [2]");
        assert_eq!(
            judge(&Expectation::Error("x".into()), &Ok(json!(2))).unwrap(),
            "expected an error that contains \"x\", got the result 2"
        );
    }
}
