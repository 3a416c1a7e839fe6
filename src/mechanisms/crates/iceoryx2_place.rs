//! Where two ends of iceoryx2 meet: a private folder, with all names in it gone once both have what they need.
//!
//! - A node belongs to a process (its token is a lock on a file), so each party makes its own, after the fork.
//! - iceoryx2 keeps its nodes, services and sockets below one path, but its shared memory objects all directly in /dev/shm,
//!   one of them open to everybody (0666). [`InFolder`] is its `ipc::Service` with the file-backed storages of the library
//!   instead: below the path too, and on a tmpfs the kernel's part is the same.
//! - To set the configuration also keeps it from reading config/iceoryx2.toml in the current folder, or the user's.
//! - What the library tries to remove on drop is gone by then, which it takes without a word. Both parties killed while they
//!   meet, some milliseconds, leave the folder to the sweep of its lease.

use std::fmt::Debug;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use iceoryx2::prelude::*;
use iceoryx2::service::internal::ServiceInternal;
use iceoryx2::service::port_factory::event::PortFactory as EventFactory;
use iceoryx2_bb_elementary_traits::testing::abandonable::Abandonable;
use iceoryx2_bb_elementary_traits::zero_copy_send::ZeroCopySend;
use iceoryx2_bb_lock_free::mpmc::counting_bit_set::RelocatableCountingBitSet;
use iceoryx2_cal::event::trigger::State;
use iceoryx2_cal::event::trigger::unix_datagram_socket::GenericUnixDatagramSocketTrigger;
use iceoryx2_cal::shm_allocator::bump_allocator::BumpAllocator;
use iceoryx2_cal::shm_allocator::pool_allocator::PoolAllocator;
use iceoryx2_cal::*;
use ipcmark_harness::sys::names;
use nix::sys::statvfs::statvfs;

/// The service type of every port here.
#[derive(Debug, Clone)]
pub(super) struct InFolder {}

impl iceoryx2::service::Service for InFolder {
    type StaticStorage = static_storage::recommended::Ipc;
    type ConfigSerializer = serialize::recommended::Recommended;
    type PersistentDynamicStorage<T: Debug + Send + Sync + ZeroCopySend + 'static> = dynamic_storage::file::Storage<T>;
    type Bag = bag::recommended::Recommended;
    type DynamicStorage<T: Debug + Send + Sync + ZeroCopySend + 'static> = dynamic_storage::file::Storage<T>;
    type ServiceNameHasher = hash::recommended::Recommended;
    type SharedMemory = shared_memory::file::Memory<PoolAllocator>;
    type ResizableSharedMemory =
        resizable_shared_memory::dynamic::DynamicMemory<PoolAllocator, shared_memory::file::Memory<PoolAllocator>>;
    type Connection = zero_copy_connection::file::Connection;
    type Event = GenericUnixDatagramSocketTrigger<
        RelocatableCountingBitSet,
        dynamic_storage::file::Storage<State<RelocatableCountingBitSet, ()>>,
    >;
    type Monitoring = monitoring::recommended::Ipc;
    type Reactor = reactor::recommended::Ipc;
    type ArcThreadSafetyPolicy<T: Send + Debug + Abandonable> = arc_sync_policy::single_threaded::SingleThreaded<T>;
    type BlackboardMgmt<K: Send + Sync + Debug + ZeroCopySend + 'static> = dynamic_storage::file::Storage<K>;
    type BlackboardPayload = shared_memory::file::Memory<BumpAllocator>;
    type UniqueId = iceoryx2::unique_id_generator::unique_system_id::UniqueSystemId;
}

impl ServiceInternal<InFolder> for InFolder {}

/// How long the ends look for each other.
const PATIENCE: Duration = Duration::from_secs(10);

/// The folder, and which end this is.
pub(super) struct Place {
    root: PathBuf,
    is_near: bool,
}

impl Place {
    /// For the near and for the far end; nothing is there yet. An error where the folder's file system has not so many
    /// `bytes` free: a full one would show only as SIGBUS, at the first touch.
    pub(super) fn pair(bytes: u64) -> io::Result<(Place, Place)> {
        let root = names::path()?;
        let folder = root.parent().unwrap_or(&root);
        let fs = statvfs(folder)?;
        let free = fs.blocks_available() * fs.fragment_size();
        if free < bytes {
            let folder = folder.display();
            return Err(io::Error::other(format!("{folder} has {free} bytes free, iceoryx2 needs {bytes}")));
        }
        Ok((Place { root: root.clone(), is_near: true }, Place { root, is_near: false }))
    }

    /// A node with a listener, and nobody to meet: whether that is possible here.
    pub(super) fn try_alone() -> io::Result<()> {
        let (place, _) = Place::pair(0)?;
        place.meet(|node, _, back| event(node, back)?.listener_builder().create().map_err(of("listen"))).map(drop)
    }

    /// Whether this is the near end.
    pub(super) fn is_near(&self) -> bool {
        self.is_near
    }

    /// Makes a node, and has `open` make what this end needs; it is given the names of its outgoing and of its incoming
    /// services, and returns when the other end has mapped everything, too.
    pub(super) fn meet<P>(
        &self,
        open: impl FnOnce(&Node<InFolder>, &'static str, &'static str) -> io::Result<P>,
    ) -> io::Result<(P, Node<InFolder>)> {
        names::held(|| {
            let (out, back) = if self.is_near { ("to-far", "to-near") } else { ("to-near", "to-far") };
            let met = self.node().and_then(|node| open(&node, out, back).map(|ports| (ports, node)));
            if self.is_near {
                std::fs::remove_dir_all(&self.root)?;
            }
            met
        })
    }

    fn node(&self) -> io::Result<Node<InFolder>> {
        match DirBuilder::new().mode(0o700).create(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut config = Config::default();
        config.global.set_root_path(&Path::new(self.root.as_os_str().as_bytes()).map_err(of("set the root path"))?);
        // Short ones: a socket's path has at most 107 bytes, of which a number takes up to 39.
        config.global.prefix = FileName::new(b"i").map_err(of("set the prefix"))?;
        config.global.service.event_connection_suffix = FileName::new(b".e").map_err(of("set a suffix"))?;
        NodeBuilder::new()
            .config(&config)
            // By default a node that waits takes over SIGTERM, by which a worker is told that its front end has died.
            .signal_handling_mode(SignalHandlingMode::Disabled)
            .create::<InFolder>()
            .map_err(of("create a node"))
    }
}

/// An event service of one notifier and one listener. Whoever comes first makes it, the other opens it.
pub(super) fn event(node: &Node<InFolder>, name: &str) -> io::Result<EventFactory<InFolder>> {
    node.service_builder(&service_name(name)?)
        .event()
        .max_notifiers(1)
        .max_listeners(1)
        .max_nodes(2)
        .event_id_max_value(0)
        .open_or_create()
        .map_err(of("open or create an event service"))
}

pub(super) fn service_name(name: &str) -> io::Result<ServiceName> {
    ServiceName::new(name).map_err(of("name a service"))
}

/// Tries again until it is done.
pub(super) fn until(mut done: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "iceoryx2: the ends do not find each other"));
        }
        ipcmark_harness::sys::sleep(Duration::from_micros(100));
    }
    Ok(())
}

/// The library's error of this call.
pub(super) fn of<E: Debug>(call: &'static str) -> impl Fn(E) -> io::Error {
    move |error| io::Error::other(format!("iceoryx2: {call}: {error:?}"))
}

/// An end that was used before `settle`.
#[cold]
pub(super) fn unsettled() -> io::Error {
    io::Error::other("an end of iceoryx2 was used before `settle`")
}
