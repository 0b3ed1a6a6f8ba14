//! Few crossings: parts are ordered by where what they are joined to stands, sweeping to and fro over the columns
//! (Sugiyama, Tagawa, Toda 1981), neighbours change places where that helps (Gansner and others 1993), and the best
//! order seen is kept.

use std::cmp::Ordering;

use super::PictureError;
use super::columns::Columns;

/// How often all columns are swept.
const SWEEPS: usize = 24;
/// How many sweeps without a better order end it.
const PATIENCE: usize = 6;
/// How often neighbours change places after a sweep.
const EXCHANGES: usize = 4;

/// Orders every column.
pub(super) fn make_few_crossings(
    columns: &mut Columns<'_>,
    should_stop: &dyn Fn() -> bool,
) -> Result<(), PictureError> {
    let mut spots = vec![0; columns.parts.len()];
    note_spots(&columns.columns, &mut spots);
    let mut best = columns.columns.clone();
    let mut fewest = crossings(columns, &spots);
    let mut since_better = 0;
    for sweep in 0..SWEEPS {
        if fewest == 0 || since_better >= PATIENCE {
            break;
        }
        if should_stop() {
            return Err(PictureError::Deadline);
        }
        sweep_once(columns, &mut spots, sweep % 2 == 0);
        exchange(columns, &mut spots);
        let now = crossings(columns, &spots);
        since_better += 1;
        if now < fewest {
            (fewest, since_better) = (now, 0);
            best.clone_from(&columns.columns);
        }
    }
    columns.columns = best;
    Ok(())
}

fn note_spots(columns: &[Vec<usize>], spots: &mut [usize]) {
    for column in columns {
        column.iter().enumerate().for_each(|(spot, part)| spots[*part] = spot);
    }
}

/// Sorts each column by the middle of what its parts are joined to in the column before.
fn sweep_once(columns: &mut Columns<'_>, spots: &mut [usize], rightwards: bool) {
    let count = columns.columns.len();
    for step in 1..count {
        let at = if rightwards { step } else { count - 1 - step };
        let joined = if rightwards { &columns.left_of } else { &columns.right_of };
        // What is joined to nothing stays where it is; the others are sorted around it.
        let (fixed, mut free): (Vec<_>, Vec<_>) =
            columns.columns[at].iter().copied().partition(|part| joined[*part].is_empty());
        free.sort_by(|a, b| compare_middles(&joined[*a], &joined[*b], spots));
        let mut sorted = Vec::with_capacity(columns.columns[at].len());
        let (mut free, mut fixed) = (free.into_iter(), fixed.into_iter().peekable());
        while sorted.len() < columns.columns[at].len() {
            let next = fixed.next_if(|part| spots[*part] == sorted.len()).or_else(|| free.next());
            sorted.extend(next.or_else(|| fixed.next()));
        }
        columns.columns[at] = sorted;
        for (spot, part) in columns.columns[at].iter().enumerate() {
            spots[*part] = spot;
        }
    }
}

/// Compares the mean spots of two groups without dividing.
fn compare_middles(a: &[usize], b: &[usize], spots: &[usize]) -> Ordering {
    let sum = |group: &[usize]| group.iter().map(|part| spots[*part]).sum::<usize>();
    (sum(a) * b.len()).cmp(&(sum(b) * a.len()))
}

/// Lets neighbours of a column change places wherever fewer lines cross then.
fn exchange(columns: &mut Columns<'_>, spots: &mut [usize]) {
    for _ in 0..EXCHANGES {
        let mut is_better = false;
        for at in 0..columns.columns.len() {
            for upper in 1..columns.columns[at].len() {
                let (a, b) = (columns.columns[at][upper - 1], columns.columns[at][upper]);
                let (now, then) = crossings_of_pair(columns, spots, a, b);
                if then < now {
                    columns.columns[at].swap(upper - 1, upper);
                    spots.swap(a, b);
                    is_better = true;
                }
            }
        }
        if !is_better {
            return;
        }
    }
}

/// How often the lines of two neighbours cross, `a` above `b` and the other way round.
fn crossings_of_pair(columns: &Columns<'_>, spots: &[usize], a: usize, b: usize) -> (usize, usize) {
    let (mut now, mut then) = (0, 0);
    for joined in [&columns.left_of, &columns.right_of] {
        let sorted = |part: usize| {
            let mut all: Vec<usize> = joined[part].iter().map(|other| spots[*other]).collect();
            all.sort_unstable();
            all
        };
        let (above, below) = (sorted(a), sorted(b));
        now += inversions(&above, &below);
        then += inversions(&below, &above);
    }
    (now, then)
}

/// How many pairs have the one of `above` below the one of `below`; both sorted.
fn inversions(above: &[usize], below: &[usize]) -> usize {
    let mut smaller = 0;
    let mut count = 0;
    for spot in above {
        while smaller < below.len() && below[smaller] < *spot {
            smaller += 1;
        }
        count += smaller;
    }
    count
}

/// All crossings, column by column, counted with a tree of sums (Barth, Jünger, Mutzel 2002).
pub(super) fn crossings(columns: &Columns<'_>, spots: &[usize]) -> usize {
    let mut count = 0;
    for pair in columns.columns.windows(2) {
        let mut sums = vec![0_usize; pair[1].len() + 1];
        let mut seen = 0;
        for part in &pair[0] {
            let mut ends: Vec<usize> = columns.right_of[*part].iter().map(|other| spots[*other]).collect();
            ends.sort_unstable();
            for end in &ends {
                let (mut at, mut not_below) = (end + 1, 0);
                while at > 0 {
                    not_below += sums[at];
                    at &= at - 1;
                }
                count += seen - not_below;
            }
            for end in ends {
                let mut at = end + 1;
                while at < sums.len() {
                    sums[at] += 1;
                    at += at & at.wrapping_neg();
                }
                seen += 1;
            }
        }
    }
    count
}
