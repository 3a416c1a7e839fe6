//! What goes through the channels: a message as the users of such a channel send it, by value.
//!
//! A short one lies in the channel itself; a longer one is a `Box<[u8]>`, which the sender allocates and the receiver
//! frees, so that the allocator, and memory that changes threads, are part of what a message costs. How large a part shows
//! in `rtrb` beside `rtrb-bytes`: at 4 KiB, most of it.

use std::io;

use crate::descriptor::other_length;

/// The longest message that lies in the channel itself: a cache line.
const INLINE_BYTES: usize = 64;

/// One message.
pub(super) enum Parcel {
    /// So many of these bytes.
    Inline(u8, [u8; INLINE_BYTES]),
    /// More than fit inline.
    Boxed(Box<[u8]>),
}

impl Parcel {
    #[inline]
    pub(super) fn of(message: &[u8]) -> Parcel {
        if message.len() > INLINE_BYTES {
            return Parcel::Boxed(message.into());
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes[..message.len()].copy_from_slice(message);
        Parcel::Inline(message.len() as u8, bytes)
    }

    /// Fills `message`; `InvalidData` when it has another length.
    #[inline]
    pub(super) fn open(self, message: &mut [u8]) -> io::Result<()> {
        let bytes = match &self {
            Parcel::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Parcel::Boxed(bytes) => bytes,
        };
        if bytes.len() != message.len() {
            return Err(other_length(bytes.len(), message.len()));
        }
        message.copy_from_slice(bytes);
        Ok(())
    }
}
