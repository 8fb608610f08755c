//! Which turn computes next: a state machine without threads, clocks or locks.
//!
//! A turn is *ready* while there is room for its events and its priority is not below the lowest that may compute. Each
//! call of [`Schedule::next`] hands out one step:
//!
//! 1. A turn that is to end goes first: all that is left to do is a record.
//! 2. A class of priority that was passed over as often as its [`patience`] allows gets one step.
//! 3. Otherwise the highest class that has a ready turn, and in a class the turn that has stood in line longest:
//!    after a step, a turn stands at the end of the line.
//!
//! So of any 10 steps a class of [`Priority::Normal`] turns that are ready gets at least one, and of any 34 one of
//! [`Priority::Background`] turns: nothing starves, and an interactive turn keeps most of the device whatever waits
//! behind it.

use crate::control::pace::Priority;

/// A turn's number, unique for one queue.
pub(super) type TurnId = u64;

/// From the first to compute to the last.
const CLASSES: [Priority; 3] = [Priority::Interactive, Priority::Normal, Priority::Background];

/// Steps of higher classes that a class with a ready turn lets pass before it gets one.
fn patience(class: Priority) -> u32 {
    match class {
        Priority::Interactive => 0,
        Priority::Normal => 8,
        Priority::Background => 32,
    }
}

/// The turns of one queue and whose step is next.
#[derive(Debug)]
pub(super) struct Schedule {
    turns: Vec<Entry>,
    /// The lowest class that takes steps, except to end.
    lowest: Priority,
    /// The next place at the end of the line.
    last_place: u64,
    /// Steps of higher classes since the last of its own, by place in [`CLASSES`].
    passed_over: [u32; CLASSES.len()],
}

#[derive(Debug)]
struct Entry {
    id: TurnId,
    priority: Priority,
    ready: bool,
    /// It is to end.
    ending: bool,
    /// In line; the lowest is the first.
    place: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        let (turns, last_place, passed_over) = (Vec::new(), 0, [0; CLASSES.len()]);
        Self { turns, lowest: Priority::Background, last_place, passed_over }
    }
}

impl Schedule {
    /// Has turns below a priority wait.
    pub(super) fn set_lowest(&mut self, lowest: Priority) {
        self.lowest = lowest;
    }

    /// Whether a turn is to end.
    pub(super) fn is_one_to_end(&self) -> bool {
        self.turns.iter().any(|turn| turn.ending)
    }

    /// Adds a turn, which is ready.
    pub(super) fn add(&mut self, id: TurnId, priority: Priority) {
        let place = self.end_of_line();
        self.turns.push(Entry { id, priority, ready: true, ending: false, place });
    }

    /// A turn's step is done.
    pub(super) fn stepped(&mut self, id: TurnId) {
        let place = self.end_of_line();
        if let Some(turn) = self.turn(id) {
            turn.place = place;
        }
    }

    pub(super) fn remove(&mut self, id: TurnId) {
        self.turns.retain(|turn| turn.id != id);
    }

    /// Says whether there is room for a turn's events.
    pub(super) fn set_ready(&mut self, id: TurnId, ready: bool) {
        if let Some(turn) = self.turn(id) {
            turn.ready = ready;
        }
    }

    /// A turn is to end: it goes first, room or not.
    pub(super) fn end(&mut self, id: TurnId) {
        if let Some(turn) = self.turn(id) {
            turn.ending = true;
        }
    }

    /// Hands out the next step, if any turn can take one.
    pub(super) fn next(&mut self) -> Option<TurnId> {
        let ending = self.turns.iter().filter(|turn| turn.ending).map(|turn| turn.id).min();
        let id = ending.or_else(|| self.next_of_class(self.next_class()?))?;
        let turn = self.turn(id)?;
        let (ending, priority) = (turn.ending, turn.priority);
        if !ending {
            self.count(priority);
        }
        Some(id)
    }

    fn next_class(&self) -> Option<Priority> {
        let ready = || CLASSES.into_iter().zip(self.passed_over).filter(|(class, _)| self.is_ready(*class));
        let impatient = ready().find(|(class, passed_over)| {
            let patience = patience(*class);
            patience > 0 && *passed_over >= patience
        });
        impatient.or_else(|| ready().next()).map(|(class, _)| class)
    }

    fn next_of_class(&self, class: Priority) -> Option<TurnId> {
        let of_class = self.turns.iter().filter(|turn| turn.ready && turn.priority == class);
        of_class.min_by_key(|turn| turn.place).map(|turn| turn.id)
    }

    fn is_ready(&self, class: Priority) -> bool {
        class >= self.lowest && self.turns.iter().any(|turn| turn.ready && turn.priority == class)
    }

    /// Counts a step of a class against the ready ones below it.
    fn count(&mut self, stepped: Priority) {
        let waits = CLASSES.map(|class| class < stepped && self.is_ready(class));
        for ((class, waits), passed_over) in CLASSES.into_iter().zip(waits).zip(&mut self.passed_over) {
            if class == stepped {
                *passed_over = 0;
            } else if waits {
                *passed_over += 1;
            }
        }
    }

    fn end_of_line(&mut self) -> u64 {
        self.last_place += 1;
        self.last_place
    }

    fn turn(&mut self, id: TurnId) -> Option<&mut Entry> {
        self.turns.iter_mut().find(|turn| turn.id == id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn schedule(turns: &[(TurnId, Priority)]) -> Schedule {
        let mut schedule = Schedule::default();
        for (id, priority) in turns {
            schedule.add(*id, *priority);
        }
        schedule
    }

    /// Who computes the next steps.
    fn steps(schedule: &mut Schedule, count: usize) -> Vec<TurnId> {
        let step = || {
            let id = schedule.next()?;
            schedule.stepped(id);
            Some(id)
        };
        std::iter::from_fn(step).take(count).collect()
    }

    fn shares(steps: &[TurnId]) -> BTreeMap<TurnId, usize> {
        let mut shares = BTreeMap::new();
        for id in steps {
            *shares.entry(*id).or_default() += 1;
        }
        shares
    }

    #[test]
    fn equals_take_steps_in_rotation() {
        let mut schedule = schedule(&[(1, Priority::Normal), (2, Priority::Normal), (3, Priority::Normal)]);
        assert_eq!(steps(&mut schedule, 7), [1, 2, 3, 1, 2, 3, 1]);
    }

    #[test]
    fn who_comes_during_a_step_goes_before_the_one_that_took_it() {
        let mut schedule = schedule(&[(1, Priority::Normal)]);
        assert_eq!(schedule.next(), Some(1));
        schedule.add(2, Priority::Normal);
        schedule.stepped(1);
        assert_eq!(steps(&mut schedule, 3), [2, 1, 2]);
    }

    #[test]
    fn the_highest_priority_goes_first() {
        let turns = [(1, Priority::Background), (2, Priority::Normal), (3, Priority::Interactive)];
        let mut schedule = schedule(&turns);
        assert_eq!(steps(&mut schedule, 8), [3; 8]);
        schedule.remove(3);
        assert_eq!(schedule.next(), Some(2));
    }

    #[test]
    fn a_lower_priority_is_not_starved_by_any_number_of_higher_ones() {
        let mut schedule = schedule(&[(1, Priority::Background), (2, Priority::Normal)]);
        (10..20).for_each(|id| schedule.add(id, Priority::Interactive));
        let steps = steps(&mut schedule, 1000);
        assert!(steps.windows(34).all(|window| window.contains(&1)));
        assert!(steps.windows(10).all(|window| window.contains(&2)));
        let shares = shares(&steps);
        assert!((10..20).all(|id| shares[&id] >= 80), "{shares:?}");
    }

    #[test]
    fn many_lower_ones_do_not_take_the_place_of_a_higher_one() {
        let mut schedule = schedule(&[(1, Priority::Interactive)]);
        (10..110).for_each(|id| schedule.add(id, Priority::Background));
        let shares = shares(&steps(&mut schedule, 330));
        assert_eq!(shares[&1], 320);
    }

    #[test]
    fn who_has_no_room_takes_no_steps_and_wins_no_claim() {
        let mut schedule = schedule(&[(1, Priority::Normal), (2, Priority::Interactive)]);
        schedule.set_ready(1, false);
        assert_eq!(steps(&mut schedule, 100), [2; 100]);
        schedule.set_ready(1, true);
        assert_eq!(steps(&mut schedule, 9), [2, 2, 2, 2, 2, 2, 2, 2, 1]);
        schedule.set_ready(1, false);
        schedule.set_ready(2, false);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn who_is_below_the_lowest_priority_waits_unless_it_is_to_end() {
        let mut schedule = schedule(&[(1, Priority::Background), (2, Priority::Normal)]);
        schedule.set_lowest(Priority::Normal);
        assert_eq!(steps(&mut schedule, 40), [2; 40]);
        schedule.end(1);
        assert_eq!(schedule.next(), Some(1));
        schedule.remove(1);
        schedule.set_lowest(Priority::Interactive);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn who_is_to_end_goes_first_even_without_room() {
        let mut schedule = schedule(&[(1, Priority::Background), (2, Priority::Interactive)]);
        schedule.set_ready(1, false);
        schedule.end(1);
        assert_eq!(schedule.next(), Some(1));
        schedule.remove(1);
        assert_eq!(schedule.next(), Some(2));
    }
}
