//! The parent's side of a verification run: start the child, bound it, and explain how it ended.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use super::worker::Line;
use super::{
    LimitKind, RuntimeError, Stage, VerificationLimits, VerificationOutcome, VerificationReport,
    VerificationRequest, cut,
};

/// The most the child may say, in bytes.
const STDOUT_MAX_BYTES: u64 = 8 * 1024 * 1024;
const STDERR_MAX_BYTES: u64 = 64 * 1024;
/// How much of stderr a report quotes.
const QUOTE_MAX_BYTES: usize = 2 * 1024;

/// Runs the verification of the package at `package_path` in a child process of `executable`.
///
/// `executable` is this program (`std::env::current_exe()`, or the binary under test). Whatever the
/// package does ends as an outcome in the report; an error means that no run could be held. Dropping
/// the future kills the child.
pub async fn verify_in_child(
    executable: &Path,
    package_path: &Path,
    request: &VerificationRequest,
) -> Result<VerificationReport, RuntimeError> {
    let mut child = start(executable, package_path)?;
    let request_text = serde_json::to_vec(request).expect("a request has text keys only");
    let patience = Duration::from_secs(request.limits.wall_seconds);
    let mut conversation = Conversation::default();
    let ended = tokio::time::timeout(patience, conversation.hold(&mut child, &request_text)).await;
    let ending = match ended {
        Ok(Ok(status)) => Ending::Status(status),
        Ok(Err(source)) => return Err(RuntimeError::Child { step: "could not be spoken with", source }),
        Err(_elapsed) => {
            let killed = child.kill().await;
            killed.map_err(|source| RuntimeError::Child { step: "could not be killed", source })?;
            Ending::OutOfTime
        }
    };
    conversation.conclude(ending, &request.limits)
}

fn start(executable: &Path, package_path: &Path) -> Result<Child, RuntimeError> {
    let failed = |source| RuntimeError::Child { step: "could not be started", source };
    Command::new(executable)
        .arg("verification-worker")
        .arg(std::path::absolute(package_path).map_err(failed)?)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)
}

enum Ending {
    Status(ExitStatus),
    OutOfTime,
}

/// What the child said so far; survives the wall clock's cut.
struct Conversation {
    stage: Stage,
    case: Option<String>,
    report: Option<Box<VerificationReport>>,
    stderr: String,
}

impl Default for Conversation {
    fn default() -> Self {
        Self { stage: Stage::Starting, case: None, report: None, stderr: String::new() }
    }
}

impl Conversation {
    async fn hold(&mut self, child: &mut Child, request: &[u8]) -> std::io::Result<ExitStatus> {
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        // A child that died early closes the pipe; how it died tells more than the broken pipe does.
        let _ = stdin.write_all(request).await;
        drop(stdin);
        let (lines, errors) = tokio::join!(
            async {
                let mut lines = BufReader::new(stdout.take(STDOUT_MAX_BYTES)).lines();
                while let Some(line) = lines.next_line().await? {
                    match serde_json::from_str(&line) {
                        Ok(Line::Stage { stage, case }) => (self.stage, self.case) = (stage, case),
                        Ok(Line::Report(report)) => self.report = Some(report),
                        Err(_) => {}
                    }
                }
                Ok::<(), std::io::Error>(())
            },
            read_bounded(stderr),
        );
        self.stderr = errors?;
        lines?;
        child.wait().await
    }

    fn conclude(
        self,
        ending: Ending,
        limits: &VerificationLimits,
    ) -> Result<VerificationReport, RuntimeError> {
        let status = match ending {
            Ending::OutOfTime => {
                let message = format!("it took more than {} seconds in all", limits.wall_seconds);
                return Ok(self.report_of(LimitKind::Time, message));
            }
            Ending::Status(status) => status,
        };
        if status.success() {
            return self
                .report
                .map(|report| *report)
                .ok_or_else(|| RuntimeError::Protocol { problem: cut(self.stderr, QUOTE_MAX_BYTES) });
        }
        // Before the package is looked at, nothing is the package's fault.
        if self.stage == Stage::Starting {
            let problem = format!("{status}: {}", cut(self.stderr, QUOTE_MAX_BYTES));
            return Err(RuntimeError::Protocol { problem });
        }
        let signal = status.signal();
        if signal == Some(libc::SIGXCPU) {
            let message = format!("it took more than {} seconds of CPU time", limits.cpu_seconds);
            return Ok(self.report_of(LimitKind::Cpu, message));
        }
        if signal == Some(libc::SIGABRT) && self.stderr.contains("memory allocation of") {
            let mebibytes = limits.address_space_bytes / (1024 * 1024);
            return Ok(self.report_of(LimitKind::Memory, format!("it took more than {mebibytes} MiB")));
        }
        if signal == Some(libc::SIGABRT) && self.stderr.contains("overflowed its stack") {
            return Ok(self.report_of(LimitKind::Stack, "its code nests too deep".into()));
        }
        let message = cut(self.stderr, QUOTE_MAX_BYTES);
        Ok(VerificationReport::of_outcome(VerificationOutcome::Crashed {
            signal,
            stage: self.stage,
            message,
        }))
    }

    /// The same bound met while compiling is the compiler's cost, later it is the plugin's.
    fn report_of(self, which: LimitKind, message: String) -> VerificationReport {
        VerificationReport::of_outcome(if self.stage <= Stage::Compiling {
            VerificationOutcome::TooCostlyToCompile { message }
        } else {
            VerificationOutcome::OverLimit { which, stage: self.stage, case: self.case, message }
        })
    }
}

/// The first bytes as text; the rest is read too, so that the child is never stuck on a full pipe.
async fn read_bounded(mut stream: impl AsyncRead + Unpin) -> std::io::Result<String> {
    let mut kept = Vec::new();
    (&mut stream).take(STDERR_MAX_BYTES).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> VerificationLimits {
        VerificationLimits {
            memory_bytes: 1 << 24,
            stack_bytes: 1 << 16,
            call_fuel: 1,
            call_wall_ms: 1,
            cpu_seconds: 10,
            wall_seconds: 30,
            address_space_bytes: 1 << 30,
            host_calls: 1,
        }
    }

    fn conclude(stage: Stage, raw_status: i32, stderr: &str) -> String {
        let conversation = Conversation { stage, stderr: stderr.into(), ..Conversation::default() };
        let ending = Ending::Status(ExitStatus::from_raw(raw_status));
        match conversation.conclude(ending, &limits()) {
            Ok(report) => report.outcome.sentence(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_way_a_child_dies_has_its_own_explanation() {
        let out_of_memory = "memory allocation of 4096 bytes failed";

        let endings = [
            conclude(Stage::Compiling, libc::SIGXCPU, ""),
            conclude(Stage::Calling, libc::SIGXCPU, ""),
            conclude(Stage::Compiling, libc::SIGABRT, out_of_memory),
            conclude(Stage::Calling, libc::SIGABRT, out_of_memory),
            conclude(Stage::Compiling, libc::SIGABRT, "thread 'main' has overflowed its stack"),
            conclude(Stage::Calling, libc::SIGSEGV, "boom"),
            conclude(Stage::Starting, libc::SIGSEGV, "boom"),
            conclude(Stage::Calling, 0, "nothing said"),
        ];

        insta::assert_snapshot!(endings.join("\n"), @r"
        Too costly to compile: it took more than 10 seconds of CPU time
        Over the CPU limit while calling: it took more than 10 seconds of CPU time
        Too costly to compile: it took more than 1024 MiB
        Over the memory limit while calling: it took more than 1024 MiB
        Too costly to compile: its code nests too deep
        The run was ended by signal 11 while calling: boom
        the verification child gave no report: signal: 11 (SIGSEGV): boom
        the verification child gave no report: nothing said
        ");
    }
}
