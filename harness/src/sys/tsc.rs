//! rdtsc, fenced: the time-stamp counter of x86-64. On other architectures there is none and [`Tsc::AVAILABLE`] is false.
//!
//! Fences as in Intel SDM vol. 2 (RDTSC, RDTSCP) and in divan's timestamps: `lfence` waits until all earlier
//! instructions have completed, `rdtscp` until all earlier loads are visible.
#![allow(unsafe_code)] // the instructions are intrinsics

/// The counter.
pub struct Tsc;

#[cfg(target_arch = "x86_64")]
impl Tsc {
    /// Whether this architecture has the counter at all; whether it can be trusted is `Clock`'s to judge.
    pub const AVAILABLE: bool = true;

    /// `lfence; rdtsc; lfence`: nothing earlier is still running, nothing later has begun.
    #[inline(always)]
    pub fn start() -> u64 {
        use core::arch::x86_64::{_mm_lfence, _rdtsc};
        // SAFETY: SSE2 and the TSC are part of x86-64; the instructions touch no memory.
        unsafe {
            _mm_lfence();
            let ticks = _rdtsc();
            _mm_lfence();
            ticks
        }
    }

    /// `rdtscp; lfence`: the measured work is done, nothing later has begun.
    #[inline(always)]
    pub fn end() -> u64 {
        use core::arch::x86_64::{__rdtscp, _mm_lfence};
        let mut cpu = 0;
        // SAFETY: `Clock` uses the counter only where CPUID reports an invariant TSC, and every such CPU has RDTSCP.
        unsafe {
            let ticks = __rdtscp(&mut cpu);
            _mm_lfence();
            ticks
        }
    }

    /// `CPUID.80000007H:EDX[8]`: the counter runs at one rate in all power states (Intel SDM vol. 3, 17.17.1).
    pub fn is_invariant() -> bool {
        use core::arch::x86_64::__cpuid;
        __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Tsc {
    /// No time-stamp counter here.
    pub const AVAILABLE: bool = false;
    /// Never called: `AVAILABLE` is false.
    pub fn start() -> u64 {
        0
    }
    /// Never called: `AVAILABLE` is false.
    pub fn end() -> u64 {
        0
    }
    /// False: there is none.
    pub fn is_invariant() -> bool {
        false
    }
}
