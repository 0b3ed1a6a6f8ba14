//! Running the solver for requests: off the async threads, with a deadline, and so that nobody waits for a hostile graph.
//!
//! A solve starts in the quick lane, which has a turn for each core. Once it has worked for a quantum, it goes on in the
//! slow lane: one turn for all, handed round quantum by quantum. So what takes long waits only for others that take long.
//! A solve whose client goes away stops at the solver's next look.

mod turns;

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::turns::{Full, Place, Turn, Turns};
use super::Registry;
use crate::config::LimitSettings;
use crate::domain::Refusal;

/// Why the solver was not run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    /// Too many others wait.
    #[error("the solver has more to do than it can; this request was put off")]
    Busy,
    /// The thread died.
    #[error("{0}")]
    Broken(String),
}

impl Refusal for SolveError {
    fn code(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Broken(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Busy => Some("Send it again after the time that `retry-after` names.".into()),
            Self::Broken(_) => None,
        }
    }
}

/// How much the solver has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SolverLoad {
    /// Solves that work in the quick lane.
    pub quick: usize,
    /// Solves that wait to begin.
    pub waiting_to_begin: usize,
    /// Solves that work in the slow lane: at most one.
    pub slow: usize,
    /// Solves that wait to go on in the slow lane.
    pub waiting_to_go_on: usize,
}

/// The lanes of one registry.
pub(super) struct Solver {
    quick: Arc<Turns>,
    slow: Arc<Turns>,
    quantum: Duration,
    allowed: Duration,
    load: watch::Sender<SolverLoad>,
}

impl Solver {
    pub(super) fn new(limits: &LimitSettings) -> Self {
        let load = watch::Sender::default();
        let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let at_once = Some(limits.resolve_concurrency).filter(|count| *count > 0).unwrap_or_else(cores);
        let tell = |lane: Lane| {
            let load: watch::Sender<SolverLoad> = watch::Sender::clone(&load);
            move |running: usize, waiting: usize| {
                metrics::gauge!("solves_running", "lane" => lane.name()).set(running as f64);
                metrics::gauge!("solves_waiting", "lane" => lane.name()).set(waiting as f64);
                load.send_modify(|load| match lane {
                    Lane::Quick => (load.quick, load.waiting_to_begin) = (running, waiting),
                    Lane::Slow => (load.slow, load.waiting_to_go_on) = (running, waiting),
                });
            }
        };
        Self {
            quick: Turns::new(at_once, limits.resolve_waiting, tell(Lane::Quick)),
            slow: Turns::new(1, limits.resolve_slow_waiting, tell(Lane::Slow)),
            quantum: Duration::from_millis(limits.resolve_quantum_ms),
            allowed: Duration::from_millis(limits.resolve_ms),
            load,
        }
    }
}

impl Registry {
    /// Runs `work`, which must ask the function it gets often and end soon after that says `true`: the deadline has
    /// passed, or nobody waits for the answer any more.
    ///
    /// The deadline counts from the start of the work, `limits.resolve_ms`; waiting for that start may take as long again.
    /// `client`: for whom, so that nobody crowds out others.
    pub(super) async fn solve<T: Send + 'static>(
        &self,
        client: IpAddr,
        work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
    ) -> Result<T, SolveError> {
        let solver = Arc::clone(&self.shared.solver);
        let started = Instant::now();
        let waiting = tokio::time::timeout(solver.allowed, solver.quick.take(client)).await;
        record_wait(Lane::Quick, started.elapsed());
        let Ok(Ok(turn)) = waiting else {
            count(Lane::Quick, "put-off");
            return Err(SolveError::Busy);
        };
        let presence = Present(Arc::default());
        let asked = Arc::clone(&presence.0);
        let solved = tokio::task::spawn_blocking(move || {
            let solve = Solve::begin(&solver, client, turn, asked);
            let answer = work(&|| solve.should_stop());
            solve.end(answer)
        });
        let answer = solved.await.map_err(|error| SolveError::Broken(error.to_string()))?;
        drop(presence);
        answer
    }

    /// How much the solver has to do, now and from now on.
    pub fn solver_load(&self) -> watch::Receiver<SolverLoad> {
        self.shared.solver.load.subscribe()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Quick,
    Slow,
}

impl Lane {
    fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Slow => "slow",
        }
    }
}

/// Whether anybody waits for the answer, and the place that is given up when nobody does.
#[derive(Default)]
struct Asked {
    is_over: AtomicBool,
    place: Mutex<Option<Place>>,
}

/// Held by whoever waits for the answer.
struct Present(Arc<Asked>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
        drop(self.0.keep(None));
    }
}

impl Asked {
    fn keep(&self, place: Option<Place>) -> Option<Place> {
        std::mem::replace(&mut *self.place.lock().unwrap_or_else(PoisonError::into_inner), place)
    }
}

/// Why a solve was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Deadline,
    Cancelled,
    PutOff,
}

/// A solve at work, on its own thread.
struct Solve<'a> {
    solver: &'a Solver,
    client: IpAddr,
    asked: Arc<Asked>,
    began: Instant,
    lane: Cell<Lane>,
    turn: RefCell<Option<Turn>>,
    turn_began: Cell<Instant>,
    stop: Cell<Option<Stop>>,
}

impl<'a> Solve<'a> {
    fn begin(solver: &'a Solver, client: IpAddr, turn: Turn, asked: Arc<Asked>) -> Self {
        let began = Instant::now();
        Self {
            solver,
            client,
            asked,
            began,
            lane: Cell::new(Lane::Quick),
            turn: RefCell::new(Some(turn)),
            turn_began: Cell::new(began),
            stop: Cell::new(None),
        }
    }

    fn should_stop(&self) -> bool {
        if self.stop.get().is_none() {
            self.stop.set(self.look_around().err());
        }
        self.stop.get().is_some()
    }

    fn look_around(&self) -> Result<(), Stop> {
        if self.asked.is_over.load(Ordering::Acquire) {
            return Err(Stop::Cancelled);
        }
        let now = Instant::now();
        let left = self.solver.allowed.saturating_sub(now - self.began);
        if left.is_zero() {
            return Err(Stop::Deadline);
        }
        let worked = now - self.turn_began.get();
        if worked < self.solver.quantum { Ok(()) } else { self.let_others_go_on(worked, left) }
    }

    /// Ends this turn and waits for the next one, in the slow lane.
    fn let_others_go_on(&self, worked: Duration, left: Duration) -> Result<(), Stop> {
        let mut turn = self.turn.take().expect("a solve that goes on has a turn");
        turn.add(worked);
        let slow = &self.solver.slow;
        let next = if self.lane.replace(Lane::Slow) == Lane::Quick {
            drop(turn);
            let lined_up = slow.line_up(self.client).map_err(|Full| Stop::PutOff)?;
            self.wait(lined_up, left)?
        } else {
            slow.line_up_again(turn).or_else(|lined_up| self.wait(lined_up, left))?
        };
        self.turn.replace(Some(next));
        self.turn_began.set(Instant::now());
        Ok(())
    }

    fn wait(&self, (place, turns): (Place, Receiver<Turn>), left: Duration) -> Result<Turn, Stop> {
        let started = Instant::now();
        drop(self.asked.keep(Some(place)));
        // Whoever left before the place was to be found could not give it up.
        if self.asked.is_over.load(Ordering::Acquire) {
            return Err(Stop::Cancelled);
        }
        let turn = turns.recv_timeout(left);
        drop(self.asked.keep(None));
        record_wait(Lane::Slow, started.elapsed());
        turn.map_err(|error| match error {
            RecvTimeoutError::Timeout => Stop::Deadline,
            RecvTimeoutError::Disconnected if self.asked.is_over.load(Ordering::Acquire) => Stop::Cancelled,
            RecvTimeoutError::Disconnected => Stop::PutOff,
        })
    }

    fn end<T>(self, answer: T) -> Result<T, SolveError> {
        if let Some(turn) = self.turn.borrow_mut().as_mut() {
            turn.add(self.turn_began.get().elapsed());
        }
        let lane = self.lane.get();
        metrics::histogram!("solve_seconds", "lane" => lane.name())
            .record(self.began.elapsed().as_secs_f64());
        count(
            lane,
            match self.stop.get() {
                None => "answered",
                Some(Stop::Deadline) => "deadline",
                Some(Stop::Cancelled) => "cancelled",
                Some(Stop::PutOff) => "put-off",
            },
        );
        if self.stop.get() == Some(Stop::PutOff) { Err(SolveError::Busy) } else { Ok(answer) }
    }
}

fn count(lane: Lane, outcome: &'static str) {
    metrics::counter!("solves_total", "lane" => lane.name(), "outcome" => outcome).increment(1);
}

fn record_wait(lane: Lane, waited: Duration) {
    metrics::histogram!("solve_wait_seconds", "lane" => lane.name()).record(waited.as_secs_f64());
}
