//! The processor: what `/proc/cpuinfo` says of the first CPU.
//!
//! Only its start is read: the file is made CPU by CPU, and on a large machine all of it takes milliseconds and wakes
//! every CPU. Where CPUs differ, `core_types` of `layout.rs` tells.

use super::Root;
use super::key::{Key, Reading};
use serde_json::{Value, json};

const CPUINFO: &str = "/proc/cpuinfo";

/// Enough for the first CPU: its flags take about 2 KB.
const CPUINFO_START_BYTES: u64 = 16 << 10;

pub(super) const KEYS: &[Key] = &[
    Key::by("cpu_vendor", CPUINFO, "who made the processor", vendor).identifying(),
    Key::by("cpu_model_name", CPUINFO, "the processor as its maker, or the hypervisor, calls it", model_name)
        .identifying(),
    Key::by("cpu_family", CPUINFO, "family (x86) or architecture version (Arm)", family).identifying(),
    Key::by("cpu_model", CPUINFO, "model (x86) or part number (Arm)", model).identifying(),
    Key::by("cpu_stepping", CPUINFO, "stepping (x86) or revision (Arm)", stepping).identifying(),
    Key::by("cpu_microcode", CPUINFO, "microcode revision; carries mitigations, and their cost", microcode)
        .identifying(),
    Key::by("cpu_features", CPUINFO, "features that decide timing, address space switches and copying", features),
];

/// x86 flags: a feature is present when all of its words are.
const X86_FEATURES: &[(&str, &[&str])] = &[
    // Both are needed for a counter that neither frequency nor idle states disturb (Intel SDM 3, "Invariant TSC").
    ("invariant_tsc", &["constant_tsc", "nonstop_tsc"]),
    ("pcid", &["pcid"]),
    ("invpcid", &["invpcid"]),
    // Set by the kernel where it separates its page tables from those of user space.
    ("page_table_isolation", &["pti"]),
    ("hypervisor", &["hypervisor"]),
    ("fast_short_rep_mov", &["fsrm"]),
    ("enhanced_rep_mov", &["erms"]),
    ("waitpkg", &["waitpkg"]),
    ("user_interrupts", &["uintr"]),
    ("avx2", &["avx2"]),
    ("avx512", &["avx512f"]),
    ("amx", &["amx_tile"]),
];

/// 64-bit Arm features (Documentation/arch/arm64/elf_hwcaps.rst).
const ARM_FEATURES: &[(&str, &[&str])] =
    &[("lse_atomics", &["atomics"]), ("lse2_atomics", &["uscat"]), ("wfx_timeout", &["wfxt"]), ("sve", &["sve"])];

/// The makers behind `CPU implementer` that run Linux servers, boards and laptops (MIDR_EL1; util-linux lscpu-arm.c).
const ARM_VENDORS: &[(u64, &str)] = &[
    (0x41, "Arm"),
    (0x46, "Fujitsu"),
    (0x48, "HiSilicon"),
    (0x4e, "NVIDIA"),
    (0x51, "Qualcomm"),
    (0x61, "Apple"),
    (0x6d, "Microsoft"),
    (0xc0, "Ampere"),
];

/// The parts of vendor 0x41 that one meets (same source); any other is shown by its number.
const ARM_PARTS: &[(u64, &str)] = &[
    (0xd03, "Cortex-A53"),
    (0xd05, "Cortex-A55"),
    (0xd07, "Cortex-A57"),
    (0xd08, "Cortex-A72"),
    (0xd0b, "Cortex-A76"),
    (0xd0c, "Neoverse-N1"),
    (0xd40, "Neoverse-V1"),
    (0xd49, "Neoverse-N2"),
    (0xd4f, "Neoverse-V2"),
];

/// The value of the first line of `/proc/cpuinfo` with one of these names.
pub(super) fn cpuinfo(root: &Root, names: &[&str]) -> Result<String, String> {
    let text = root.read_start(CPUINFO, CPUINFO_START_BYTES)?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(name, _)| names.contains(&name.trim()));
    found.map(|(_, value)| value.trim().to_owned()).ok_or_else(|| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("{CPUINFO} has no line {}", names.join(" or "))
    })
}

/// As [`cpuinfo`], for decimal numbers and, as Arm writes them, hexadecimal ones.
fn cpuinfo_number(root: &Root, names: &[&str]) -> Result<u64, String> {
    let text = cpuinfo(root, names)?;
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{CPUINFO} holds `{text}` for {names:?}, expected a number"))
}

fn named(table: &[(u64, &str)], number: u64) -> Option<String> {
    table.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned())
}

fn vendor_name(root: &Root) -> Result<String, String> {
    cpuinfo(root, &["vendor_id"]).or_else(|_| {
        let number = cpuinfo_number(root, &["vendor_id", "CPU implementer"])?;
        Ok(named(ARM_VENDORS, number).unwrap_or_else(|| format!("Arm implementer {number:#x}")))
    })
}

fn vendor(root: &Root) -> Reading {
    vendor_name(root).map(Value::from)
}

fn model_name(root: &Root) -> Reading {
    let name = cpuinfo(root, &["model name"]).or_else(|_| {
        let part = cpuinfo_number(root, &["model name", "CPU part"])?;
        let vendor = vendor_name(root)?;
        let known = named(ARM_PARTS, part).filter(|_| vendor == "Arm");
        Ok::<_, String>(format!("{vendor} {}", known.unwrap_or_else(|| format!("part {part:#x}"))))
    });
    name.map(Value::from)
}

fn family(root: &Root) -> Reading {
    cpuinfo_number(root, &["cpu family", "CPU architecture"]).map(Value::from)
}

fn model(root: &Root) -> Reading {
    cpuinfo_number(root, &["model", "CPU part"]).map(Value::from)
}

fn stepping(root: &Root) -> Reading {
    cpuinfo_number(root, &["stepping", "CPU revision"]).map(Value::from)
}

fn microcode(root: &Root) -> Reading {
    cpuinfo(root, &["microcode"]).map(Value::from)
}

fn features(root: &Root) -> Reading {
    let (flags, table) = match cpuinfo(root, &["flags"]) {
        Ok(flags) => (flags, X86_FEATURES),
        Err(_) => (cpuinfo(root, &["flags", "Features"])?, ARM_FEATURES),
    };
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let present = |words: &[&str]| words.iter().all(|word| flags.contains(word));
    Ok(table.iter().map(|(name, words)| ((*name).to_owned(), json!(present(words)))).collect())
}
