//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::imports::Arrow;

/// What the cycles of `arrows` with at least `shortest` files are: for each arrow on one, the shortest through it.
pub(super) fn cycles(arrows: &[Arrow], shortest: usize) -> Vec<Vec<Arrow>> {
    let mut below: BTreeMap<&str, Vec<&Arrow>> = BTreeMap::new();
    for arrow in arrows {
        below.entry(&arrow.from).or_default().push(arrow);
    }
    let mut seen = BTreeSet::new();
    arrows
        .iter()
        .filter_map(|arrow| way_back(arrow, &below, shortest))
        .filter(|cycle| {
            let mut files: Vec<_> = cycle.iter().map(|arrow| arrow.from.clone()).collect();
            files.sort();
            seen.insert(files)
        })
        .collect()
}

/// `arrow` and the shortest way back to where it begins; the direct one does not count where a cycle needs three files.
fn way_back(arrow: &Arrow, below: &BTreeMap<&str, Vec<&Arrow>>, shortest: usize) -> Option<Vec<Arrow>> {
    let mut ways = VecDeque::from([vec![arrow]]);
    let mut seen = BTreeSet::from([arrow.to.as_str()]);
    while let Some(way) = ways.pop_front() {
        let end = way.last()?;
        for next in below.get(end.to.as_str()).into_iter().flatten() {
            let longer: Vec<_> = way.iter().copied().chain([*next]).collect();
            if next.to == arrow.from {
                if longer.len() >= shortest {
                    return Some(longer.into_iter().cloned().collect());
                }
            } else if seen.insert(&next.to) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(arrows: &[(&str, &str)], shortest: usize) -> Vec<String> {
        let arrows: Vec<_> = arrows
            .iter()
            .map(|(from, to)| Arrow { from: (*from).into(), line: 1, to: (*to).into() })
            .collect();
        let names = |cycle: &Vec<Arrow>| cycle.iter().map(|arrow| arrow.from.as_str()).collect();
        cycles(&arrows, shortest).iter().map(names).collect()
    }

    #[test]
    fn each_cycle_is_found_once() {
        let arrows = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "c"), ("d", "e")];
        assert_eq!(found(&arrows, 2), ["abc", "cd"]);
    }

    #[test]
    fn two_files_may_lean_on_each_other_where_a_cycle_needs_three() {
        assert_eq!(found(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")], 3), [""; 0]);
        assert_eq!(found(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "a")], 3), ["abc"]);
    }
}
