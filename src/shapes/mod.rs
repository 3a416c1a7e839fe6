//! The shapes: what a mechanism can do, each a trait with its contract as bullets and a function that makes the [`Shape`] of
//! any type that has it.
//!
//! - [`Transport`] carries messages between two parties.
//! - [`FanIn`] and [`FanOut`] are transports whose channel takes several writers or several readers.
//! - [`Rendezvous`] is a transport whose channel can be made while both parties live, by a name.
//! - [`Lock`] lets one party in at a time.
//! - [`RwLock`] is data that several read and some write.
//! - [`Counter`] is a number that several raise.
//! - [`Permits`] lets so many parties in at once.
//! - [`Barrier`] lets nobody go on before all have come.
//! - [`Dinner`] lets a party have two things at once that it shares with its neighbours.
//! - [`Call`] is a system call that asks for next to nothing.
//! - [`Policy`] is how the kernel chooses when a thread runs.
//! - [`Busy`] is work that wants nothing but a CPU.
//! - [`Region`] is memory of one kind that nobody has touched.
//! - [`Operation`] is what one party does again and again, by itself.
//! - [`Once`] is a value that is made when it is first asked for.
//! - [`TokenRing`] is a token that goes from each party to the next.
//! - [`Wakeup`] carries no bytes: one party tells the other to go on.

mod barrier;
mod busy;
mod call;
mod counter;
mod dinner;
pub(crate) mod erased;
mod fan;
mod lock;
mod once;
mod operation;
mod permits;
mod policy;
mod region;
mod rendezvous;
mod rw_lock;
mod token_ring;
mod transport;
mod wakeup;

pub use barrier::{Barrier, barrier};
pub use busy::{Busy, busy};
pub use call::{Call, call};
pub use counter::{Counter, counter};
pub use dinner::{Dinner, dinner};
pub use fan::{FanIn, FanOut, Receive, fan_in, fan_out};
pub use lock::{AfterDeath, Lock, lock, priority};
pub use once::{Once, Whole, once};
pub(crate) use operation::least_memory;
pub use operation::{Deed, Operation, operation};
pub use permits::{Permits, permits};
pub use policy::{Policy, policy};
pub(crate) use region::{OTHER_FAULTS, as_many_faults, faults_of, room, touch};
pub use region::{Region, region};
pub use rendezvous::{Rendezvous, rendezvous};
pub use rw_lock::{Exclusive, RwLock, Torn, Words, rw_lock};
pub use token_ring::{TokenRing, token_ring};
pub use transport::{Pairing, Transport, transport};
pub use wakeup::{Role, Wakeup, wakeup};

#[cfg(doc)]
use crate::mechanism::Shape;
