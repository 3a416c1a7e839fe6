//! The least that a switch between two stacks can be: the registers that a callee must keep are pushed, the stack pointer is
//! exchanged, theirs are popped. The floor under every coroutine.
//!
//! Kept are what the calling convention says a callee keeps: System V AMD64 ABI, 3.2.1 (rbx, rbp, r12–r15), and AAPCS64, 6.1 (x19–x30, the
//! low halves of v8–v15). The control words of the floating-point units are not: nothing here changes them.
#![allow(unsafe_code)] // stacks by hand

use std::arch::naked_asm;
use std::io;

use ipcmark_harness::clock::Clock;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{Deed, Operation, operation};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "own-switch",
    summary: "a context switch of our own: what a callee must keep, and the stack pointer; the floor of coroutines",
    family: Family::Coroutine,
    reach: Reach::Threads,
    references: &["System V AMD64 ABI", "AAPCS64"],
    support,
    rank: Rank::Headline,
    shapes: &[operation::<Stacks>()],
};

fn support() -> Support {
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        Support::Available
    } else {
        Support::Missing(format!("written for x86-64 and aarch64, and this is {}", std::env::consts::ARCH))
    }
}

/// Words of the coroutine's stack: 16 KiB, for a function that calls nothing but the switch.
const STACK_WORDS: usize = 2048;

/// Both stack pointers, and what the coroutine has counted. Boxed, since the coroutine keeps its address.
#[repr(C)]
struct Pair {
    near: *mut u64,
    far: *mut u64,
    resumed: u64,
}

struct Stacks {
    pair: Box<Pair>,
    _stack: Vec<u128>,
}

impl Operation for Stacks {
    const DEED: Deed = Deed::RESUME;
    const IN_A_TURN: u64 = 2;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Stacks> {
        let mut stack = vec![0_u128; STACK_WORDS / 2];
        let mut pair = Box::new(Pair { near: std::ptr::null_mut(), far: std::ptr::null_mut(), resumed: 0 });
        // SAFETY: the frame fits into the stack, whose end is aligned to 16 bytes as its type is.
        pair.far = unsafe { first_frame(stack.as_mut_ptr_range().end.cast(), &raw mut *pair) };
        Ok(Stacks { pair, _stack: stack })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let pair = &raw mut *self.pair;
        for _ in 0..turns {
            // SAFETY: `far` is the stack pointer of the coroutine, which has left by `switch` or was never entered; it comes
            // back here by `switch`.
            unsafe { switch(&raw mut (*pair).near, (*pair).far) };
        }
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        // SAFETY: the coroutine wrote it on this thread, behind the compiler's back.
        unsafe { (&raw const self.pair.resumed).read_volatile() * 2 }
    }
}

/// The coroutine: counts, and goes back, for ever. Nothing on its stack needs dropping.
extern "C" fn count(pair: *mut Pair) -> ! {
    loop {
        // SAFETY: the pair is boxed and outlives the stack; `near` is the pointer that `repeat` has just left behind.
        unsafe {
            (*pair).resumed += 1;
            switch(&raw mut (*pair).far, (*pair).near);
        }
    }
}

/// A stack on which `switch` will find registers to pop and `enter` to return to, which calls `count(pair)`.
///
/// # Safety
/// `top` is the end of a stack, aligned to 16 bytes, with room for the frame.
#[cfg(target_arch = "x86_64")]
unsafe fn first_frame(top: *mut u64, pair: *mut Pair) -> *mut u64 {
    // r15, r14, r13, r12, rbx, rbp and the return address, in the order in which `switch` pops them.
    let frame = [0, 0, count as *const () as u64, pair as u64, 0, 0, enter as *const () as u64];
    // SAFETY: the caller's.
    unsafe {
        let begin = top.sub(frame.len());
        begin.cast::<[u64; 7]>().write(frame);
        begin
    }
}

/// `switch(from: *mut *mut u64, to: *mut u64)`
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn switch(from: *mut *mut u64, to: *mut u64) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Reached by the first `ret`: the stack is aligned again, as it must be before a call.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    naked_asm!("mov rdi, r12", "call r13", "ud2")
}

/// As on x86-64.
///
/// # Safety
/// `top` is the end of a stack, aligned to 16 bytes, with room for the frame.
#[cfg(target_arch = "aarch64")]
unsafe fn first_frame(top: *mut u64, pair: *mut Pair) -> *mut u64 {
    // x19 to x30, then d8 to d15, as `switch` stores them.
    let mut frame = [0_u64; 20];
    (frame[0], frame[1], frame[11]) = (pair as u64, count as *const () as u64, enter as *const () as u64);
    // SAFETY: the caller's.
    unsafe {
        let begin = top.sub(frame.len());
        begin.cast::<[u64; 20]>().write(frame);
        begin
    }
}

/// `switch(from: *mut *mut u64, to: *mut u64)`
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn switch(from: *mut *mut u64, to: *mut u64) {
    naked_asm!(
        "sub sp, sp, #160",
        "stp x19, x20, [sp, #0]",
        "stp x21, x22, [sp, #16]",
        "stp x23, x24, [sp, #32]",
        "stp x25, x26, [sp, #48]",
        "stp x27, x28, [sp, #64]",
        "stp x29, x30, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "mov x9, sp",
        "str x9, [x0]",
        "mov sp, x1",
        "ldp x19, x20, [sp, #0]",
        "ldp x21, x22, [sp, #16]",
        "ldp x23, x24, [sp, #32]",
        "ldp x25, x26, [sp, #48]",
        "ldp x27, x28, [sp, #64]",
        "ldp x29, x30, [sp, #80]",
        "ldp d8, d9, [sp, #96]",
        "ldp d10, d11, [sp, #112]",
        "ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]",
        "add sp, sp, #160",
        "ret",
    )
}

#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    naked_asm!("mov x0, x19", "blr x20", "brk #1")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn first_frame(_: *mut u64, _: *mut Pair) -> *mut u64 {
    std::ptr::null_mut()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe extern "C" fn switch(_: *mut *mut u64, _: *mut u64) {
    unreachable!("`support` says that there is no switch for this processor");
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::parties::PeerKind;
    use ipcmark_harness::placement::Placement;

    use super::*;
    use crate::mechanism::Waiting;

    #[test]
    fn each_turn_resumes_the_coroutine_once_on_its_own_stack() {
        let setup = Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0);
        let mut stacks = Stacks::prepare(&setup, &Clock::vdso()).unwrap();
        stacks.repeat(1).unwrap();
        let bounds = stacks._stack.as_ptr_range();
        assert!((bounds.start.addr()..bounds.end.addr()).contains(&stacks.pair.far.addr()));
        assert!(!(bounds.start.addr()..bounds.end.addr()).contains(&stacks.pair.near.addr()));
        stacks.repeat(999).unwrap();
        assert_eq!(stacks.counted(), 2000);
    }

    #[test]
    fn what_the_caller_keeps_in_registers_is_still_there() {
        let setup = Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0);
        let mut stacks = Stacks::prepare(&setup, &Clock::vdso()).unwrap();
        let kept: Vec<u64> = (0..12).map(std::hint::black_box).collect();
        let [a, b, c, d, e, f, g, h] = std::array::from_fn(|i| kept[i].wrapping_mul(0x9e37_79b9));
        let sums = (0..100).fold([a, b, c, d, e, f, g, h], |sums, _| {
            stacks.repeat(1).unwrap();
            sums.map(|sum| sum + 1)
        });
        assert_eq!(sums, [a, b, c, d, e, f, g, h].map(|sum| sum + 100));
    }
}
