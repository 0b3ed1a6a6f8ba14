//! Who goes next: so many at once, the others in a bounded queue in which nobody can crowd out anybody.
//!
//! Fair by work, not by arrival: of those who wait, the client goes next whose solves took least so far (start-time fair
//! queueing; what is over is forgotten). In a full queue, room is made at the cost of whoever holds most of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// Past this many clients, those who took no more than everybody are forgotten.
const CLIENTS_MAX: usize = 1_024;

/// The queue of one lane.
pub(super) struct Turns {
    at_once: usize,
    most_waiting: usize,
    state: Mutex<State>,
    /// Told how many work and how many wait whenever that changes; called in the lock.
    tell: Box<dyn Fn(usize, usize) + Send + Sync>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: Vec<Waiting>,
    /// What each client took, in microseconds, on a clock that runs with the work done.
    taken: HashMap<IpAddr, u64>,
    clock: u64,
    tickets: u64,
}

struct Waiting {
    ticket: u64,
    client: IpAddr,
    caller: Caller,
}

/// Who is told that its turn has come. Dropped untold: it lost its place.
enum Caller {
    Task(oneshot::Sender<Turn>),
    Thread(Sender<Turn>),
}

/// The right to work in a lane; dropping it lets the next one in.
pub(super) struct Turn {
    turns: Arc<Turns>,
    client: IpAddr,
    began_at: u64,
    took: Duration,
}

/// A place in the queue; dropping it gives it up.
pub(super) struct Place {
    turns: Arc<Turns>,
    ticket: u64,
}

/// The queue is full, and of it this client holds most.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Turns {
    pub(super) fn new(
        at_once: usize,
        most_waiting: usize,
        tell: impl Fn(usize, usize) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let at_once = at_once.max(1);
        Arc::new(Self { at_once, most_waiting, state: Mutex::default(), tell: Box::new(tell) })
    }

    /// Waits for a turn; whoever stops polling gives its place up.
    pub(super) async fn take(self: &Arc<Self>, client: IpAddr) -> Result<Turn, Full> {
        let (sender, receiver) = oneshot::channel();
        let _place = self.queue(client, Caller::Task(sender))?;
        receiver.await.map_err(|_| Full)
    }

    /// A place in the queue and where the turn arrives, for a thread that may sleep. The way breaks off when the place is
    /// lost or dropped.
    pub(super) fn line_up(self: &Arc<Self>, client: IpAddr) -> Result<(Place, Receiver<Turn>), Full> {
        let (sender, receiver) = channel();
        Ok((self.queue(client, Caller::Thread(sender))?, receiver))
    }

    /// Lets the others who wait have a turn each before the next one; nobody waits: the turn itself. Who had a turn does
    /// not lose its place to who has none yet.
    pub(super) fn line_up_again(self: &Arc<Self>, turn: Turn) -> Result<Turn, (Place, Receiver<Turn>)> {
        let (sender, receiver) = channel();
        let mut state = self.state();
        if state.waiting.is_empty() {
            return Ok(turn);
        }
        let ticket = state.queue(turn.client, Caller::Thread(sender));
        drop(state);
        drop(turn);
        Err((Place { turns: Arc::clone(self), ticket }, receiver))
    }

    fn queue(self: &Arc<Self>, client: IpAddr, caller: Caller) -> Result<Place, Full> {
        let mut state = self.state();
        let is_full = state.running >= self.at_once && state.waiting.len() >= self.most_waiting;
        let put_out = if is_full { state.make_room_for(client)? } else { None };
        let ticket = state.queue(client, caller);
        drop(state);
        drop(put_out);
        self.call_next();
        Ok(Place { turns: Arc::clone(self), ticket })
    }

    /// Calls whoever has a turn now. Callers are told outside the lock: one who is gone ends its turn at once.
    fn call_next(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            let next = if state.running < self.at_once { state.take_next() } else { None };
            (self.tell)(state.running, state.waiting.len());
            drop(state);
            let Some((Waiting { client, caller, .. }, began_at)) = next else { return };
            let turn = Turn { turns: Arc::clone(self), client, began_at, took: Duration::ZERO };
            match caller {
                Caller::Task(sender) => drop(sender.send(turn)),
                Caller::Thread(sender) => drop(sender.send(turn)),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, client: IpAddr, caller: Caller) -> u64 {
        self.tickets += 1;
        self.waiting.push(Waiting { ticket: self.tickets, client, caller });
        self.tickets
    }

    /// When a turn of this client would begin, on the clock of work done.
    fn begins_at(&self, client: IpAddr) -> u64 {
        self.taken.get(&client).copied().unwrap_or(0).max(self.clock)
    }

    fn take_next(&mut self) -> Option<(Waiting, u64)> {
        let places = 0..self.waiting.len();
        let next = places.min_by_key(|place| {
            let waiting = &self.waiting[*place];
            (self.begins_at(waiting.client), waiting.ticket)
        })?;
        let waiting = self.waiting.remove(next);
        self.clock = self.begins_at(waiting.client);
        self.running += 1;
        Some((waiting, self.clock))
    }

    /// Takes the newest place of the client that holds most, unless it is this one.
    fn make_room_for(&mut self, client: IpAddr) -> Result<Option<Waiting>, Full> {
        let mut places: HashMap<IpAddr, usize> = HashMap::new();
        self.waiting.iter().for_each(|waiting| *places.entry(waiting.client).or_default() += 1);
        let most = places.values().copied().max().unwrap_or(0);
        if places.get(&client).map_or(0, |own| *own) + 1 >= most.max(1) {
            return Err(Full);
        }
        let newest = self.waiting.iter().rposition(|waiting| places[&waiting.client] == most);
        Ok(newest.map(|place| self.waiting.remove(place)))
    }

    fn end(&mut self, turn: &Turn) {
        self.running -= 1;
        let took = u64::try_from(turn.took.as_micros()).unwrap_or(u64::MAX);
        let taken = self.taken.entry(turn.client).or_default();
        *taken = (*taken).max(turn.began_at).saturating_add(took);
        if self.taken.len() > CLIENTS_MAX {
            let clock = self.clock;
            self.taken.retain(|_, taken| *taken > clock);
        }
        if self.taken.len() > CLIENTS_MAX {
            self.taken.clear();
        }
    }
}

impl Turn {
    /// Counts work done in this turn against its client.
    pub(super) fn add(&mut self, work: Duration) {
        self.took += work;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let turns = Arc::clone(&self.turns);
        turns.state().end(self);
        turns.call_next();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        let place = state.waiting.iter().position(|waiting| waiting.ticket == self.ticket);
        let given_up = place.map(|place| state.waiting.remove(place));
        (self.turns.tell)(state.running, state.waiting.len());
        drop(state);
        drop(given_up);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::TryRecvError;

    use super::*;

    fn turns(at_once: usize, most_waiting: usize) -> Arc<Turns> {
        Turns::new(at_once, most_waiting, |_, _| ())
    }

    fn client(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    fn running(turns: &Arc<Turns>, number: u8) -> Turn {
        turns.line_up(client(number)).unwrap().1.try_recv().unwrap()
    }

    fn waiting(turns: &Arc<Turns>, number: u8) -> (Place, Receiver<Turn>) {
        turns.line_up(client(number)).unwrap()
    }

    fn is_waiting(receiver: &Receiver<Turn>) -> bool {
        receiver.try_recv().is_err_and(|error| error == TryRecvError::Empty)
    }

    #[test]
    fn so_many_work_at_once_and_the_next_follows_when_one_ends() {
        let turns = turns(2, 8);
        let first = running(&turns, 1);
        let _second = running(&turns, 1);
        let (_place, third) = waiting(&turns, 1);
        assert!(is_waiting(&third));

        drop(first);

        assert!(third.try_recv().is_ok());
    }

    #[test]
    fn whoever_gives_its_place_up_is_not_called() {
        let turns = turns(1, 8);
        let first = running(&turns, 1);
        let (place, given_up) = waiting(&turns, 2);
        let (_place, other) = waiting(&turns, 3);

        drop(place);
        drop(first);

        assert!(given_up.try_recv().is_err());
        assert!(other.try_recv().is_ok());
    }

    #[test]
    fn a_turn_that_nobody_takes_goes_to_the_next() {
        let turns = turns(1, 8);
        let first = running(&turns, 1);
        let (_gone_place, gone) = waiting(&turns, 2);
        drop(gone);
        let (_place, other) = waiting(&turns, 3);

        drop(first);

        assert!(other.try_recv().is_ok());
        assert_eq!(turns.state().running, 0);
    }

    #[test]
    fn who_took_least_goes_first_however_many_others_came_before() {
        let turns = turns(1, 8);
        let mut first = running(&turns, 1);
        let crowd: Vec<_> = (0..3).map(|_| waiting(&turns, 1)).collect();
        let (_place, modest) = waiting(&turns, 2);

        first.add(Duration::from_millis(25));
        drop(first);

        let _turn = modest.try_recv().expect("the other client has taken nothing yet");
        assert!(crowd.iter().all(|(_, receiver)| is_waiting(receiver)));
    }

    #[test]
    fn a_pause_earns_no_credit() {
        let turns = turns(1, 8);
        for _ in 0..3 {
            running(&turns, 1).add(Duration::from_millis(10));
        }
        let mut other = running(&turns, 2);
        let (_place, back_again) = waiting(&turns, 1);
        let (_other_place, more) = waiting(&turns, 2);

        other.add(Duration::from_millis(40));
        drop(other);

        let _turn = back_again.try_recv().expect("client 2 began where the clock stood, and worked since");
        assert!(is_waiting(&more));
    }

    #[test]
    fn a_full_queue_makes_room_at_the_cost_of_who_holds_most() {
        let turns = turns(1, 3);
        let _first = running(&turns, 1);
        let crowd: Vec<_> = (0..3).map(|_| waiting(&turns, 1)).collect();

        let refused = turns.line_up(client(1)).map(drop);
        let _other = waiting(&turns, 2);

        assert_eq!(refused, Err(Full));
        assert_eq!(crowd.iter().map(|(_, way)| is_waiting(way)).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn lining_up_again_lets_everybody_else_have_a_turn_first() {
        let turns = turns(1, 1);
        let first = running(&turns, 1);
        let (_other_place, other) = waiting(&turns, 1);

        let Err((_place, again)) = turns.line_up_again(first) else { panic!("another one waits") };

        assert!(is_waiting(&again));
        let others = other.try_recv().unwrap();
        drop(others);
        let turn = again.try_recv().unwrap();
        assert!(turns.line_up_again(turn).is_ok(), "nobody else waits");
    }
}
