//! What goes through the channels: a message as the users of such a channel send it, by value.
//!
//! A short one lies in the channel itself; a longer one is a `Box<[u8]>`, which the sender allocates and the receiver
//! frees, so that the allocator, and memory that changes threads, are part of what a message costs. How large a part shows
//! in `rtrb` beside `rtrb-bytes`: at 4 KiB, most of it.

use std::io;

use crate::descriptor::other_length;

/// The longest message that lies in the channel itself: a cache line.
const INLINE_BYTES: usize = 64;

/// Aligned, so that a message of whole words is copied as such.
#[repr(align(8))]
pub(super) struct Line([u8; INLINE_BYTES]);

/// One message.
pub(super) enum Parcel {
    /// So many of these bytes.
    Inline(u8, Line),
    /// More than fit inline.
    Boxed(Box<[u8]>),
}

impl Parcel {
    #[inline]
    pub(super) fn of(message: &[u8]) -> Parcel {
        if message.len() > INLINE_BYTES {
            return Parcel::Boxed(message.into());
        }
        // A whole line is copied without being cleared before, and by a length that the compiler knows.
        if let Ok(whole) = message.try_into() {
            return Parcel::Inline(INLINE_BYTES as u8, Line(whole));
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes[..message.len()].copy_from_slice(message);
        Parcel::Inline(message.len() as u8, Line(bytes))
    }

    /// Fills `message`; `InvalidData` when it has another length.
    #[inline]
    pub(super) fn open(self, message: &mut [u8]) -> io::Result<()> {
        if let (Parcel::Inline(len, Line(bytes)), Ok(whole)) =
            (&self, <&mut [u8; INLINE_BYTES]>::try_from(&mut *message))
            && usize::from(*len) == INLINE_BYTES
        {
            *whole = *bytes;
            return Ok(());
        }
        let bytes = match &self {
            Parcel::Inline(len, Line(bytes)) => &bytes[..usize::from(*len)],
            Parcel::Boxed(bytes) => bytes,
        };
        if bytes.len() != message.len() {
            return Err(other_length(bytes.len(), message.len()));
        }
        message.copy_from_slice(bytes);
        Ok(())
    }
}
