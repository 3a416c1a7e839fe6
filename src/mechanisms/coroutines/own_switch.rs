//! The least that a switch between two stacks can be: a switch of our own, the floor under every coroutine.
//!
//! What a callee must keep (System V AMD64 ABI, 3.2.1: rbx, rbp, r12 to r15; AAPCS64, 6.1: x19 to x29 and the low halves of v8 to v15) is
//! told to the compiler as lost, which so keeps what it needs and nothing else. Two registers cannot be told, since the compiler
//! has its own use for them: those are pushed, with the address to go on at. Then the stack pointer is exchanged.
//!
//! It is written into its caller, and goes on by a jump. A `switch` that is called and ends in `ret` returns to another place than it
//! was called from, which the processor never foresees: some 40 ns a switch in place of 2, seen in a trial beside this one.
//!
//! The control words of the floating-point units are not kept: nothing here changes them.
#![allow(unsafe_code)] // stacks by hand

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::{asm, naked_asm};
use std::io;
use std::ptr::with_exposed_provenance_mut;

use corosensei::stack::{DefaultStack, Stack};
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

/// Stacks of the kind and size that `corosensei` takes by default: what differs from it is the switch alone.
const STACK_BYTES: usize = 1 << 20;

struct Stacks {
    /// The coroutine's stack pointer.
    far: *mut u64,
    /// How often the coroutine was resumed; it writes there.
    resumed: Box<u64>,
    _stack: DefaultStack,
}

impl Operation for Stacks {
    const DEED: Deed = Deed::RESUME;
    const IN_A_TURN: u64 = 2;

    fn prepare(_: &Setup, _: &Clock) -> io::Result<Stacks> {
        let stack = DefaultStack::new(STACK_BYTES)?;
        let mut resumed = Box::new(0);
        // SAFETY: the frame fits into the stack, which ends with a page.
        let far = unsafe { first_frame(top(&stack), count, &raw mut *resumed) };
        Ok(Stacks { far, resumed, _stack: stack })
    }

    #[inline(always)]
    fn repeat(&mut self, turns: u64) -> io::Result<()> {
        let mut far = self.far;
        for _ in 0..turns {
            // SAFETY: the coroutine has left there by `switch`, or was never entered; it comes back by `switch`.
            far = unsafe { switch(far) };
        }
        self.far = far;
        Ok(())
    }

    fn counted(&mut self) -> u64 {
        // SAFETY: the coroutine wrote it on this thread, behind the compiler's back.
        unsafe { (&raw const *self.resumed).read_volatile() * 2 }
    }
}

fn top(stack: &DefaultStack) -> *mut u64 {
    with_exposed_provenance_mut(stack.base().get())
}

/// What a coroutine runs: with where it was left from, and what it was made with.
type Run = extern "C" fn(*mut u64, *mut u64) -> !;

/// The coroutine: counts, and goes back, for ever. Nothing on its stack needs dropping.
extern "C" fn count(mut near: *mut u64, resumed: *mut u64) -> ! {
    loop {
        // SAFETY: the count is boxed and outlives the stack; `near` is where `repeat` has just left.
        unsafe {
            *resumed += 1;
            near = switch(near);
        }
    }
}

/// Leaves this stack and goes on where the other one was left; returns when somebody comes back, with where they left theirs.
///
/// # Safety
/// `to` is from `first_frame`, or what the last `switch` into this stack returned, and its stack is alive.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn switch(to: *mut u64) -> *mut u64 {
    let from;
    // SAFETY: all registers are saved or told as lost. Who comes back does so by these instructions, with the stack pointer as
    // it is after the pushes: the address is taken off before the jump, the rest after it.
    unsafe {
        asm!(
            "lea rax, [rip + 2f]",
            "push rbp",
            "push rbx",
            "push rax",
            "mov rax, rsp",
            "mov rsp, rdi",
            "pop rcx",
            "jmp rcx",
            "2:",
            "pop rbx",
            "pop rbp",
            inlateout("rdi") to => _,
            out("rax") from,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("sysv64"),
        );
    }
    from
}

/// A stack on which `switch` finds `enter` to go on at, and that finds what to call `run` with.
///
/// # Safety
/// `top` is the end of a stack, aligned to 16 bytes, with room for the frame.
#[cfg(target_arch = "x86_64")]
unsafe fn first_frame(top: *mut u64, run: Run, with: *mut u64) -> *mut u64 {
    let frame = [enter as *const () as u64, with as u64, run as *const () as u64, 0, 0];
    // SAFETY: the caller's.
    unsafe {
        let begin = top.sub(frame.len());
        begin.cast::<[u64; 5]>().write(frame);
        begin
    }
}

/// `run(near, with)`: `switch` left the one in rax, `first_frame` the other on the stack, which is aligned after both pops, as it
/// must be before a call.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    naked_asm!("mov rdi, rax", "pop rsi", "pop rdx", "xor ebp, ebp", "call rdx", "ud2")
}

/// As on x86-64. x18 is the platform's, and not touched.
///
/// # Safety
/// As on x86-64.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn switch(to: *mut u64) -> *mut u64 {
    let from;
    // SAFETY: all registers are saved or told as lost. Who comes back does so by these instructions, with the stack pointer as
    // it is after the stores.
    unsafe {
        asm!(
            "adr x16, 2f",
            "stp x29, x19, [sp, #-32]!",
            "str x16, [sp, #16]",
            "mov x1, sp",
            "mov sp, x0",
            "ldr x16, [sp, #16]",
            "br x16",
            "2:",
            "ldp x29, x19, [sp], #32",
            inlateout("x0") to => _,
            out("x1") from,
            out("x20") _, out("x21") _, out("x22") _, out("x23") _, out("x24") _, out("x25") _, out("x26") _, out("x27") _,
            out("x28") _, out("x30") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            clobber_abi("C"),
        );
    }
    from
}

/// As on x86-64.
///
/// # Safety
/// As on x86-64.
#[cfg(target_arch = "aarch64")]
unsafe fn first_frame(top: *mut u64, run: Run, with: *mut u64) -> *mut u64 {
    let frame = [0, run as *const () as u64, enter as *const () as u64, with as u64];
    // SAFETY: the caller's.
    unsafe {
        let begin = top.sub(frame.len());
        begin.cast::<[u64; 4]>().write(frame);
        begin
    }
}

/// `run(near, with)`: `switch` left the one in x1, `first_frame` the other on the stack.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    naked_asm!(
        "mov x0, x1",
        "ldr x9, [sp, #8]",
        "ldr x1, [sp, #24]",
        "add sp, sp, #32",
        "mov x29, xzr",
        "blr x9",
        "brk #1"
    )
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn first_frame(_: *mut u64, _: Run, _: *mut u64) -> *mut u64 {
    std::ptr::null_mut()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn switch(_: *mut u64) -> *mut u64 {
    unreachable!("`support` says that there is no switch for this processor");
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
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
        let bounds = stacks._stack.limit().get()..stacks._stack.base().get();
        assert!(bounds.contains(&stacks.far.addr()));
        stacks.repeat(999).unwrap();
        assert!(bounds.contains(&stacks.far.addr()));
        assert_eq!(stacks.counted(), 2000);
    }

    #[test]
    fn what_a_callee_must_keep_is_kept_on_both_stacks() {
        let stack = DefaultStack::new(STACK_BYTES).unwrap();
        let mut changed = Box::new(0);
        // SAFETY: as in `prepare`.
        let mut far = unsafe { first_frame(top(&stack), keep_its_own, &raw mut *changed) };
        for pattern in (0..1_000_000_u64).map(|turn| turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            // SAFETY: `far` is where the coroutine has left, or is to begin.
            assert_eq!(unsafe { keeps(pattern, &mut far) }, 0, "the near side's, with {pattern:#x}");
        }
        // SAFETY: as in `counted`.
        assert_eq!(unsafe { (&raw const *changed).read_volatile() }, 0, "the coroutine's");
    }

    extern "C" fn keep_its_own(mut near: *mut u64, changed: *mut u64) -> ! {
        loop {
            // SAFETY: as in `count`.
            unsafe { *changed |= keeps(0x5555_5555_5555_5555, &mut near) };
        }
    }

    unsafe extern "C" fn there_and_back(other: &mut *mut u64) {
        // SAFETY: the caller's: the other side has left there, or is to begin there.
        unsafe { *other = switch(*other) }
    }

    /// Fills each register that a callee must keep with another sum of `pattern`, calls `there_and_back(other)`, and returns the bits in
    /// which any of them has changed.
    #[cfg(target_arch = "x86_64")]
    #[unsafe(naked)]
    unsafe extern "C" fn keeps(pattern: u64, other: &mut *mut u64) -> u64 {
        naked_asm!(
            ".irp r, rbx, rbp, r12, r13, r14, r15, rdi",
            "push \\r",
            ".endr",
            "lea rbx, [rdi + 1]",
            "lea rbp, [rdi + 2]",
            ".irp n, 12, 13, 14, 15",
            "lea r\\n, [rdi + \\n]",
            ".endr",
            "mov rdi, rsi",
            "call {there_and_back}",
            "pop rdi",
            "lea rax, [rdi + 1]",
            "xor rax, rbx",
            "lea rcx, [rdi + 2]",
            "xor rcx, rbp",
            "or rax, rcx",
            ".irp n, 12, 13, 14, 15",
            "lea rcx, [rdi + \\n]",
            "xor rcx, r\\n",
            "or rax, rcx",
            ".endr",
            ".irp r, r15, r14, r13, r12, rbp, rbx",
            "pop \\r",
            ".endr",
            "ret",
            there_and_back = sym there_and_back,
        )
    }

    /// As on x86-64.
    #[cfg(target_arch = "aarch64")]
    #[unsafe(naked)]
    unsafe extern "C" fn keeps(pattern: u64, other: &mut *mut u64) -> u64 {
        naked_asm!(
            "sub sp, sp, #176",
            "stp x30, x0, [sp, #160]",
            ".irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
            "str x\\n, [sp, #(\\n - 19) * 8]",
            "add x\\n, x0, #\\n",
            ".endr",
            ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
            "str d\\n, [sp, #(\\n + 3) * 8]",
            "add x9, x0, #\\n",
            "fmov d\\n, x9",
            ".endr",
            "mov x0, x1",
            "bl {there_and_back}",
            "ldp x30, x1, [sp, #160]",
            "mov x0, xzr",
            ".irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
            "add x9, x1, #\\n",
            "eor x9, x9, x\\n",
            "orr x0, x0, x9",
            "ldr x\\n, [sp, #(\\n - 19) * 8]",
            ".endr",
            ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
            "add x9, x1, #\\n",
            "fmov x10, d\\n",
            "eor x9, x9, x10",
            "orr x0, x0, x9",
            "ldr d\\n, [sp, #(\\n + 3) * 8]",
            ".endr",
            "add sp, sp, #176",
            "ret",
            there_and_back = sym there_and_back,
        )
    }
}
