//! Which release is loaded when: after everything it needs, as early as that allows.

/// A circle of needs: places of the releases, each needing the next and the last needing the first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle(pub(super) Vec<usize>);

/// The level of each release, given the places of what it needs: one above its highest need, or 0.
pub(super) fn load_levels(needs: &[Vec<usize>]) -> Result<Vec<u32>, Circle> {
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (place, all) in needs.iter().enumerate() {
        all.iter().for_each(|need| needed_by[*need].push(place));
    }

    let mut levels = vec![0; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|place| open[*place] == 0).collect();
    while let Some(place) = ready.pop() {
        for &dependent in &needed_by[place] {
            levels[dependent] = levels[dependent].max(levels[place] + 1);
            open[dependent] -= 1;
            if open[dependent] == 0 {
                ready.push(dependent);
            }
        }
    }
    match open.iter().position(|count| *count > 0) {
        None => Ok(levels),
        Some(stuck) => Err(circle_from(stuck, needs, &open)),
    }
}

/// Follows needs that stay open until a place comes again.
fn circle_from(stuck: usize, needs: &[Vec<usize>], open: &[usize]) -> Circle {
    let mut path = vec![stuck];
    loop {
        let here = path[path.len() - 1];
        let next =
            *needs[here].iter().find(|need| open[**need] > 0).expect("an open release has an open need");
        if let Some(start) = path.iter().position(|place| *place == next) {
            return Circle(path.split_off(start));
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_stands_above_everything_it_needs() {
        let diamond = [vec![1, 2], vec![3], vec![3], vec![]];

        assert_eq!(load_levels(&diamond), Ok(vec![2, 1, 1, 0]));
    }

    #[test]
    fn a_circle_is_found_behind_releases_that_only_lead_to_it() {
        let needs = [vec![1], vec![2], vec![3], vec![1]];

        assert_eq!(load_levels(&needs), Err(Circle(vec![1, 2, 3])));
    }
}
