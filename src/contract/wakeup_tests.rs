//! Every clause of a notification must be able to fail.

use std::io;
use std::sync::{Arc, Condvar, Mutex};

use super::transport_tests::SETUP;
use super::wakeup;
use crate::mechanism::{Setup, Verdict};
use crate::shapes::Wakeup;

const NONE: u8 = 0;
const FORGETS_WHO_DOES_NOT_WAIT: u8 = 1;
const RETURNS_BY_ITSELF: u8 = 2;
const COUNTS_TWICE: u8 = 3;
const LEAVES_A_NAME: u8 = 4;

#[derive(Default)]
struct Line {
    /// Notifications not taken, and parties waiting.
    state: Mutex<(u32, u32)>,
    news: Condvar,
}

/// A correct notification but for its `FAULT`.
struct Faulty<const FAULT: u8> {
    inbound: Arc<Line>,
    outbound: Arc<Line>,
    _name: Option<super::transport_tests::Named>,
}

impl<const FAULT: u8> Wakeup for Faulty<FAULT> {
    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        let (there, back) = (Arc::new(Line::default()), Arc::new(Line::default()));
        let name = if FAULT == LEAVES_A_NAME { Some(super::transport_tests::Named::new()?) } else { None };
        let near = Faulty { inbound: Arc::clone(&back), outbound: Arc::clone(&there), _name: name };
        Ok((near, Faulty { inbound: there, outbound: back, _name: None }))
    }

    fn notify(&mut self) -> io::Result<()> {
        let mut state = self.outbound.state.lock().unwrap();
        if FAULT != FORGETS_WHO_DOES_NOT_WAIT || state.1 > 0 {
            state.0 += if FAULT == COUNTS_TWICE { 2 } else { 1 };
        }
        self.outbound.news.notify_all();
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        if FAULT == RETURNS_BY_ITSELF {
            return Ok(());
        }
        let mut state = self.inbound.state.lock().unwrap();
        state.1 += 1;
        // Not for ever: a notification that was forgotten is a failure, and the test must end.
        let (mut state, waited) =
            self.inbound.news.wait_timeout_while(state, std::time::Duration::from_secs(2), |s| s.0 == 0).unwrap();
        state.1 -= 1;
        if waited.timed_out() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        state.0 -= 1;
        Ok(())
    }
}

fn try_clause<W: Wakeup>(name: &str) -> io::Result<Verdict> {
    let clause = wakeup::<W>().iter().find(|clause| clause.name == name).unwrap();
    (clause.check)(&SETUP)
}

#[track_caller]
fn assert_broken<W: Wakeup>(clause: &str) {
    let found = try_clause::<W>(clause);
    assert!(matches!(found, Err(_) | Ok(Verdict::Broken(_))), "{clause}: {found:?}");
}

#[test]
fn a_notification_that_keeps_the_contract_breaks_no_clause() {
    for clause in wakeup::<Faulty<NONE>>() {
        assert_eq!(try_clause::<Faulty<NONE>>(clause.name).unwrap(), Verdict::Kept, "{}", clause.name);
    }
}

#[test]
fn forgetting_who_does_not_wait_yet_breaks_a_notification_before_the_wait_is_not_lost() {
    assert_broken::<Faulty<FORGETS_WHO_DOES_NOT_WAIT>>("a_notification_before_the_wait_is_not_lost");
}

#[test]
fn returning_by_itself_breaks_wait_returns_only_after_a_notification() {
    assert_broken::<Faulty<RETURNS_BY_ITSELF>>("wait_returns_only_after_a_notification");
}

#[test]
fn counting_twice_breaks_each_wait_takes_one_notification() {
    assert_broken::<Faulty<COUNTS_TWICE>>("each_wait_takes_one_notification");
}

#[test]
fn leaving_a_name_breaks_no_name_is_left() {
    assert_broken::<Faulty<LEAVES_A_NAME>>("no_name_is_left");
}
