//! The server is killed at every step it takes, over and over, and nothing that it answered is ever lost, half
//! visible or unprovable.
//!
//! `PLUGINRY_TEST_KILLS` says how often at each point (`tests/run` asks for 100), `PLUGINRY_TEST_SEED` repeats a run,
//! `PLUGINRY_TEST_KILL_POINTS` names the points (prefixes, with commas) when not all are wanted.

mod audit;
mod client;
mod process;
mod random;
mod watcher;
mod world;

use std::io::Write as _;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::join_all;
use pluginry::kill_points;

use audit::Audit;
use client::{Answered, Client};
use process::{Aim, Process, Start};
use random::Random;
use watcher::Watcher;
use world::{Template, World};

use crate::harness::variable;

/// How often at each point when nobody says.
const KILLS: u32 = 2;
/// After how many kills a run begins with another seed in another world: starts take longer the longer a log is.
const KILLS_A_WORLD: u32 = 100;
/// How many points are walked at once.
const LANES: usize = 2;
/// What a client does before it waits for what is done by the clock.
const ACTIONS: usize = 10;
/// How long a server may live on after its clients are done, for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same when everything it does is asked for.
const LITTLE_PATIENCE: Duration = Duration::from_millis(30);
/// How many lives in a row may end without passing the point.
const MISSES: u32 = 20;
/// The longest a server lives when it is killed from outside, in milliseconds.
const LIFE_MS: u64 = 200;

/// Where a run of lives ends.
#[derive(Clone, Copy)]
enum Deaths {
    /// At a point in the code.
    At(&'static str),
    /// At any moment, from outside.
    AnyMoment,
}

/// What a run came to.
struct Tally {
    name: &'static str,
    kills: u32,
    lives: u32,
    entries: u64,
    took: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_step_loses_nothing_that_was_answered() {
    let wanted = variable("PLUGINRY_TEST_KILL_POINTS").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').collect();
    let points = kill_points::ALL.iter().map(|(name, _)| Deaths::At(name)).chain([Deaths::AnyMoment]);
    let points: Vec<Deaths> =
        points.filter(|deaths| wanted.iter().any(|prefix| deaths.name().starts_with(prefix))).collect();
    let kills = variable("PLUGINRY_TEST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let seed: u64 = variable("PLUGINRY_TEST_SEED").map_or(1, |text| text.parse().unwrap());
    println!("PLUGINRY_TEST_SEED={seed}");
    let template = Template::make().await;
    let started = Instant::now();

    let template = &template;
    let rounds =
        (0..kills.div_ceil(KILLS_A_WORLD)).flat_map(|round| points.iter().map(move |point| (*point, round)));
    let runs = rounds.map(|(deaths, round)| async move {
        let kills = KILLS_A_WORLD.min(kills - round * KILLS_A_WORLD);
        run(template, deaths, kills, seed + u64::from(round)).await
    });
    let tallies: Vec<Tally> = futures::stream::iter(runs).buffer_unordered(LANES).collect().await;

    report(&tallies, seed, started.elapsed());
}

/// Lives and dies in one world until enough lives ended as they should, then looks at everything.
async fn run(template: &Template, deaths: Deaths, kills: u32, seed: u64) -> Tally {
    let started = Instant::now();
    let mut world = template.copy().await;
    (world.verifies, world.hurries) = (deaths.needs_verification(), deaths.needs_the_clock());
    let mut random = deaths.random(seed);
    let http = reqwest::Client::new();
    let watcher = Watcher::new(world.log_keys.clone());
    let mut clients: Vec<Client> =
        world.people.iter().map(|person| Client::new(person.clone(), http.clone(), random.split())).collect();
    if deaths.changes_keys() {
        clients.iter_mut().for_each(|client| client.key_changes_percent = 60);
    }
    if deaths.name().starts_with("takedown-") {
        clients.iter_mut().for_each(|client| client.takedowns_percent = 50);
    }
    let mut tally = Tally { name: deaths.name(), kills: 0, lives: 0, entries: 0, took: Duration::ZERO };
    let mut stage = Stage { world: &world, deaths, http: &http, watcher: &watcher, random };

    let mut misses = 0;
    while tally.kills < kills && misses < MISSES {
        tally.lives += 1;
        if stage.live_and_die(&mut clients).await {
            (tally.kills, misses) = (tally.kills + 1, 0);
        } else {
            misses += 1;
        }
    }
    tally.entries = stage.come_to_rest(&mut clients).await;
    tally.took = started.elapsed();
    assert_eq!(tally.kills, kills, "{} was not reached often enough", tally.name);
    if variable("PLUGINRY_TEST_SEED").is_some() {
        report(std::slice::from_ref(&tally), seed, tally.took);
    }
    tally
}

struct Stage<'a> {
    world: &'a World,
    deaths: Deaths,
    http: &'a reqwest::Client,
    watcher: &'a Watcher,
    random: Random,
}

impl Stage<'_> {
    /// One life; whether it ended where it should.
    async fn live_and_die(&mut self, clients: &mut [Client]) -> bool {
        if self.deaths.needs_orphans() {
            self.world.leave_orphan(&clients[0].next_package().bytes);
            self.world.leave_orphan(format!("nobody's {}", self.random.below(u64::MAX)).as_bytes());
        }
        let aim = match self.deaths {
            Deaths::At(point) => Aim::DieAt(point, 1 + self.random.below(self.deaths.passes()) as u32),
            Deaths::AnyMoment => Aim::Live,
        };
        let mut process = match Process::start(self.world, aim).await {
            Start::Listening(process) => process,
            Start::Died => return true,
        };
        if matches!(self.deaths, Deaths::AnyMoment) {
            let lifetime = Duration::from_millis(self.random.below(LIFE_MS));
            let url = process.url.clone();
            tokio::select! {
                lived = self.live(&url, clients) => lived.expect("nobody killed it"),
                () = tokio::time::sleep(lifetime) => {}
            }
            process.kill();
            return true;
        }
        let url = process.url.clone();
        let lived = self.live(&url, clients).await;
        let patience = if lived.is_err() { PATIENCE } else { self.patience() };
        let died = process.dies_within(patience).await;
        assert!(died || lived.is_ok(), "a request was not answered, and the server lives");
        if !died {
            process.kill();
        }
        died
    }

    /// Looks at what was answered in the life before, then acts.
    async fn live(&self, url: &str, clients: &mut [Client]) -> Answered {
        self.audit(url).quick(clients).await?;
        let actions = if self.world.verifies { 1 } else { ACTIONS };
        let acted = clients.iter_mut().map(|client| client.act(url, self.watcher, actions));
        join_all(acted).await.into_iter().collect()
    }

    /// The last life: everything is finished and looked at. How many entries the log has.
    async fn come_to_rest(&mut self, clients: &mut [Client]) -> u64 {
        let Start::Listening(mut process) = Process::start(self.world, Aim::Rest).await else {
            panic!("a start died that nobody killed");
        };
        let url = process.url.clone();
        for client in clients.iter_mut() {
            client.finish(&url, self.watcher).await.unwrap();
        }
        self.audit(&url).full(self.world, clients).await;
        process.kill();
        self.watcher.seen().last_key_value().map_or(0, |(size, _)| *size)
    }

    fn audit<'a>(&'a self, url: &'a str) -> Audit<'a> {
        Audit { http: self.http, url, watcher: self.watcher, verifies: self.world.verifies }
    }

    fn patience(&self) -> Duration {
        if self.deaths.needs_the_clock() { PATIENCE } else { LITTLE_PATIENCE }
    }
}

impl Deaths {
    fn name(self) -> &'static str {
        match self {
            Self::At(point) => point,
            Self::AnyMoment => "any-moment",
        }
    }

    fn random(self, seed: u64) -> Random {
        let mut random = Random::new(seed);
        for byte in self.name().bytes() {
            random = Random::new(random.below(u64::MAX) ^ u64::from(byte));
        }
        random
    }

    fn needs_verification(self) -> bool {
        ["job-", "verdict-"].iter().any(|prefix| self.name().starts_with(prefix))
    }

    fn needs_the_clock(self) -> bool {
        self.needs_verification()
            || ["mark-", "downloads-", "sweep-", "settle-"]
                .iter()
                .any(|prefix| self.name().starts_with(prefix))
    }

    fn changes_keys(self) -> bool {
        ["enroll-", "revoke-"].iter().any(|prefix| self.name().starts_with(prefix))
    }

    fn needs_orphans(self) -> bool {
        self.name().starts_with("sweep-")
    }

    /// How often the point is passed at most before a death, so that not always the first pass is the last.
    fn passes(self) -> u64 {
        let is_rare = ["start-", "takedown-"].iter().any(|prefix| self.name().starts_with(prefix));
        if is_rare || self.needs_the_clock() || self.changes_keys() { 1 } else { 3 }
    }
}

fn report(tallies: &[Tally], seed: u64, took: Duration) {
    let mut text = String::new();
    for tally in tallies {
        let each = tally.took.as_millis() / u128::from(tally.lives.max(1));
        text += &format!(
            "{:26} {:5} kills in {:5} lives, {:5} entries, {:6.1} s, {each} ms a life\n",
            tally.name,
            tally.kills,
            tally.lives,
            tally.entries,
            tally.took.as_secs_f64(),
        );
    }
    let kills: u32 = tallies.iter().map(|tally| tally.kills).sum();
    let line = format!("\n{text}{kills} kills in {:.1} s, seed {seed}\n", took.as_secs_f64());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
