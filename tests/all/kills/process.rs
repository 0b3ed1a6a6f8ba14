//! One life of a real `pluginry serve`: started on the data of a world, maybe told where to die.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::world::World;

/// How long a server may take to reach the point it is told to die at, or to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked whether it died.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a life is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Nobody kills it from within.
    Live,
    /// The same, and it changes nothing by itself.
    Rest,
    /// It ends when it passes the point for the count-th time.
    DieAt(&'static str, u32),
}

/// A running server.
pub struct Process {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    /// Where it listens.
    pub url: String,
}

/// How a start went.
pub enum Start {
    /// It listens.
    Listening(Process),
    /// It killed itself before it listened.
    Died,
}

impl Process {
    /// Starts a server and waits until it listens or is dead; anything but a kill fails the test.
    pub async fn start(world: &World, aim: Aim) -> Start {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pluginry"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(world.data())
            .args(["--set", "log_filter=error", "--set", "workers=1", "--set"])
            .arg(format!("database_url={}", world.database_url()))
            .arg("--set")
            .arg(format!("verification.children={}", usize::from(world.verifies && aim != Aim::Rest)))
            .args(["--set", "rate_limits.address_per_minute=0", "--set", "rate_limits.token_per_minute=0"])
            .args(["--set", "rate_limits.publish_per_minute=0"])
            .current_dir(world.data())
            .stderr(Stdio::piped());
        if let Aim::DieAt(point, count) = aim {
            command.env("PLUGINRY_TEST_KILL_AT", format!("{point}:{count}"));
        }
        if world.hurries {
            command.env("PLUGINRY_TEST_PERIOD_MS", "25");
        }
        let child = command.spawn().unwrap();
        let mut process = Self { child, said: Arc::default(), url: String::new() };
        let listening = listen(&mut process.child, Arc::clone(&process.said));
        match tokio::time::timeout(PATIENCE, listening).await.expect("a start takes seconds at most") {
            Ok(url) => {
                process.url = url;
                Start::Listening(process)
            }
            Err(_) => {
                assert!(process.dies_within(PATIENCE).await, "it neither listens nor dies");
                Start::Died
            }
        }
    }

    /// Whether it is dead; a death that is no kill fails the test.
    pub fn is_dead(&mut self) -> bool {
        let Some(status) = self.child.try_wait().unwrap() else { return false };
        assert!(is_kill(status), "the server ended with {status}:\n{}", self.said.lock().unwrap().join("\n"));
        true
    }

    /// Waits until it died by itself; false when `patience` is over.
    pub async fn dies_within(&mut self, patience: Duration) -> bool {
        let died = async {
            while !self.is_dead() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(patience, died).await.is_ok()
    }

    /// `kill -9`, if it lives.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.said.lock().map(|said| said.join("\n")).unwrap_or_default();
            eprintln!("the server said:\n{said}");
        }
    }
}

fn is_kill(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

/// Keeps what the server says and tells the address it names.
fn listen(child: &mut Child, said: Arc<Mutex<Vec<String>>>) -> oneshot::Receiver<String> {
    let stderr = child.stderr.take().unwrap();
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(address) = line.split_once("The catalog is at http://")
                && let Some(sender) = sender.take()
            {
                let _ = sender.send(format!("http://{}", address.1.trim_end_matches('/')));
            }
            said.lock().unwrap().push(line);
        }
    });
    receiver
}
