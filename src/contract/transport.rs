//! The contract of [`Transport`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::time::Duration;

use super::broken;
use crate::mechanism::{Clause, Setup, Support, Verdict};
use crate::shapes::Pairing;
use crate::shapes::erased::{End, TransportKind};
use crate::workloads::payload;

/// The clauses of every transport.
pub const fn transport<T: Pairing>() -> &'static [Clause] {
    Table::<T>::CLAUSES
}

struct Table<T>(std::marker::PhantomData<T>);

impl<T: Pairing> Table<T> {
    const KIND: &'static TransportKind = TransportKind::of::<T>();
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "messages_arrive_whole_and_unchanged", check: |setup| whole_and_unchanged(Self::KIND, setup) },
        Clause { name: "messages_arrive_in_order", check: |setup| in_order(Self::KIND, setup) },
        Clause { name: "both_directions_carry_messages", check: |setup| both_directions(Self::KIND, setup) },
        Clause { name: "a_full_channel_holds_the_sender_back", check: |setup| full_channel(Self::KIND, setup) },
        Clause { name: "boundaries_are_kept", check: |setup| boundaries(Self::KIND, setup) },
        Clause { name: "recv_after_the_other_end_is_gone_reports_end", check: |setup| reports_end(Self::KIND, setup) },
        Clause { name: "nothing_is_left_by_name", check: |setup| nothing_left_by_name(Self::KIND, setup) },
        Clause {
            name: "sizes_it_does_not_take_are_refused_with_the_limit",
            check: |setup| refused_sizes(Self::KIND, setup),
        },
    ];
}

const NO_DELIVERY: Verdict = Verdict::NotPromised("it delivers nothing");

/// The setup's message with another size.
fn sized(setup: &Setup, payload_bytes: usize) -> Setup {
    Setup { payload_bytes, ..*setup }
}

/// Sizes around every edge that matters: words, pages, pipe and socket buffers.
fn sizes(kind: &TransportKind, setup: &Setup) -> impl Iterator<Item = usize> {
    let setup = *setup;
    [1, 7, 8, 9, 63, 64, 65, 4095, 4096, 4097, 8192, 65_535, 65_536, 65_537, 1 << 20]
        .into_iter()
        .filter(move |&size| (kind.supports)(&sized(&setup, size)) == Support::Available)
}

/// Buffers to send from in turn; they outlive both ends, because what is lent may be read as long as there is a reader.
struct Outgoing(Vec<Vec<u8>>);

impl Outgoing {
    fn new(kind: &TransportKind, setup: &Setup) -> Self {
        Outgoing(vec![vec![0; setup.payload_bytes]; (kind.lends)(setup) + 1])
    }

    /// The message of this number, in the buffer whose turn it is.
    fn fill(&mut self, turn: u64, number: u64) -> &[u8] {
        let count = self.0.len() as u64;
        let message = &mut self.0[(turn % count) as usize];
        payload::fill(message, number);
        message
    }
}

/// Runs both ends at once, each in its place, and returns what the receiving one found.
fn between(
    kind: &TransportKind,
    setup: &Setup,
    send: impl FnOnce(&mut dyn End) -> io::Result<()> + Send,
    recv: impl FnOnce(&mut dyn End) -> io::Result<Verdict>,
) -> io::Result<Verdict> {
    let (mut near, mut far) = kind.settled(setup)?;
    std::thread::scope(|scope| {
        // Whoever fails hangs up: the other may wait for more, which is then a broken clause instead of a hang.
        let sender = scope.spawn(move || {
            let sent = send(&mut *far);
            if sent.is_err() {
                far.hang_up();
            }
            sent.map(|()| far)
        });
        let verdict = recv(&mut *near);
        if !matches!(verdict, Ok(Verdict::Kept)) {
            near.hang_up();
            drop(near);
        }
        match sender.join() {
            Ok(sent) => sent.map(drop).and(verdict),
            Err(_) => broken("the sending end panicked"),
        }
    })
}

fn whole_and_unchanged(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    if !kind.delivers {
        return Ok(NO_DELIVERY);
    }
    for size in sizes(kind, setup) {
        let mut sent = vec![0; size];
        payload::fill(&mut sent, 1);
        let mut got = vec![0; size];
        let verdict = between(
            kind,
            &sized(setup, size),
            |far| far.send(&sent),
            |near| {
                near.recv(&mut got)?;
                if got == sent { Ok(Verdict::Kept) } else { broken(format!("a message of {size} bytes was changed")) }
            },
        )?;
        if verdict != Verdict::Kept {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Kept)
}

/// As long as a receiver leaves a sender alone that is to get as far as it can.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends `count` numbered messages and receives them, with a pause before the first `recv`.
fn numbered(kind: &TransportKind, setup: &Setup, count: u64, pause: Duration) -> io::Result<Verdict> {
    if !kind.delivers {
        return Ok(NO_DELIVERY);
    }
    let size = setup.payload_bytes;
    let mut outgoing = Outgoing::new(kind, setup);
    let send = |far: &mut dyn End| (0..count).try_for_each(|number| far.send(outgoing.fill(number, number)));
    between(kind, setup, send, |near| {
        ipcmark_harness::sys::sleep(pause);
        let (mut expected, mut got) = (vec![0; size], vec![0; size]);
        for number in 0..count {
            near.recv(&mut got)?;
            payload::fill(&mut expected, number);
            if got != expected {
                return broken(format!("message {number} of {count} is another one"));
            }
        }
        Ok(Verdict::Kept)
    })
}

fn in_order(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    numbered(kind, setup, 2000, Duration::ZERO)
}

/// More than any default buffer holds (a Unix socket's is 208 KiB) is sent before the first message is taken.
fn full_channel(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    numbered(kind, &sized(setup, 4096), 1000, PAUSE)
}

fn both_directions(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    if !kind.delivers {
        return Ok(NO_DELIVERY);
    }
    let size = setup.payload_bytes;
    let (mut near_out, mut far_out) = (Outgoing::new(kind, setup), Outgoing::new(kind, setup));
    let talk = move |end: &mut dyn End, out: &mut Outgoing, mine: u64, theirs: u64, answers: bool| {
        let (mut expected, mut got) = (vec![0; size], vec![0; size]);
        for round in 0..500 {
            if !answers {
                end.send(out.fill(round, mine + round))?;
            }
            end.recv(&mut got)?;
            if answers {
                end.send(out.fill(round, mine + round))?;
            }
            payload::fill(&mut expected, theirs + round);
            if got != expected {
                return broken(format!("round {round}: a message of the other direction, or none of ours, came"));
            }
        }
        Ok(Verdict::Kept)
    };
    let far = |end: &mut dyn End| match talk(end, &mut far_out, 1_000_000, 0, !kind.holds)? {
        Verdict::Kept => Ok(()),
        other => Err(io::Error::other(format!("{other:?}"))),
    };
    between(kind, setup, far, |near| talk(near, &mut near_out, 0, 1_000_000, false))
}

/// Three bytes and five, taken with room for eight: a stream gives all eight, a keeper of boundaries never does.
fn boundaries(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    if !kind.delivers {
        return Ok(NO_DELIVERY);
    }
    let send = |far: &mut dyn End| {
        far.send(b"abc")?;
        far.send(b"defgh")
    };
    between(kind, &sized(setup, 8), send, |near| {
        let mut got = [0; 8];
        match (near.recv(&mut got), kind.boundaries) {
            (Ok(()), false) if got == *b"abcdefgh" => Ok(Verdict::NotPromised("it is a byte stream")),
            (Ok(()), false) => broken(format!("a byte stream delivered {got:?}")),
            (Ok(()), true) => broken("one recv returned bytes of two messages"),
            (Err(error), true) if error.kind() == io::ErrorKind::InvalidData => {
                if !kind.holds {
                    // The sender waits until somebody takes its second message.
                    near.recv(&mut got[..5])?;
                }
                Ok(Verdict::Kept)
            }
            (Err(error), _) => Err(error),
        }
    })
}

fn reports_end(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    if !kind.reports_end {
        return Ok(Verdict::NotPromised("nothing tells one end that the other is gone"));
    }
    let (mut near, mut far) = kind.settled(setup)?;
    let mut sent = vec![0; setup.payload_bytes];
    payload::fill(&mut sent, 1);
    let message = &sent;
    std::thread::scope(move |scope| {
        // In a thread: a channel that holds nothing lets it go only when the message is taken.
        let sender = scope.spawn(move || {
            let result = far.send(message);
            far.hang_up();
            result
        });
        // Any other has the message and the end in it by then.
        ipcmark_harness::sys::sleep(PAUSE);
        let mut got = vec![0; message.len()];
        near.recv(&mut got)?;
        if got != *message {
            return broken("the last message before the end was changed");
        }
        let end = near.recv(&mut got);
        sender.join().map_err(|_| io::Error::other("the sending end panicked"))??;
        match end {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Verdict::Kept),
            Err(error) => broken(format!("the end was reported as: {error}")),
            Ok(()) => broken("a message came from an end that is gone"),
        }
    })
}

fn nothing_left_by_name(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    let _pair = kind.settled(setup)?;
    super::no_name_is_left()
}

fn refused_sizes(kind: &TransportKind, setup: &Setup) -> io::Result<Verdict> {
    match (kind.supports)(&sized(setup, 1 << 20)) {
        Support::Available => Ok(Verdict::NotPromised("it takes messages of every size of the plan")),
        Support::Missing(reason) if reason.chars().any(|c| c.is_ascii_digit()) => Ok(Verdict::Kept),
        Support::Missing(reason) => broken(format!("the reason names no limit: {reason}")),
    }
}
