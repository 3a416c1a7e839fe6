//! What a record says of its binary: the revision it was built from and how it was built.
//!
//! It is built again when a source or the commit changes, and for nothing else: a second `cargo build` does nothing.

use std::path::Path;
use std::process::Command;

/// What the binary is made of; whether it differs from the commit is what makes a build `-dirty`.
const SOURCES: [&str; 9] = [
    "src",
    "benches",
    "harness/src",
    "report/src",
    "build.rs",
    "Cargo.toml",
    "Cargo.lock",
    "harness/Cargo.toml",
    "report/Cargo.toml",
];

fn main() {
    SOURCES.into_iter().for_each(rerun_if_changed);
    commit_changes_at().iter().for_each(|path| rerun_if_changed(path));
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    let status: Vec<&str> =
        ["status", "--porcelain", "--untracked-files=no", "--"].into_iter().chain(SOURCES).collect();
    let dirty = git(&status).map(|out| !out.is_empty());
    println!("cargo::rustc-env=IPCMARK_COMMIT={commit}");
    println!("cargo::rustc-env=IPCMARK_DIRTY={}", dirty.map_or(String::new(), |d| d.to_string()));
    println!("cargo::rustc-env=IPCMARK_RUSTC={}", rustc_version());
    for (name, from) in [
        ("TARGET", "TARGET"),
        ("OPT_LEVEL", "OPT_LEVEL"),
        ("DEBUG", "DEBUG"),
        ("BUILD_PROFILE", "PROFILE"),
        ("FEATURES", "CARGO_CFG_TARGET_FEATURE"),
    ] {
        println!("cargo::rustc-env=IPCMARK_{name}={}", std::env::var(from).unwrap_or_default());
    }
}

/// What changes with each commit and checkout: git's HEAD and its log or, where it keeps none, its branches. Not its index, which
/// any `git status` may write.
fn commit_changes_at() -> Vec<String> {
    let path = |name| git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists());
    path("HEAD").into_iter().chain(path("logs/HEAD").or_else(|| path("refs/heads"))).collect()
}

/// To cargo, a file that does not exist has always changed.
fn rerun_if_changed(path: &str) {
    if Path::new(path).exists() {
        println!("cargo::rerun-if-changed={path}");
    }
}

fn git(args: &[&str]) -> Option<String> {
    // Without its locks it writes nothing.
    let output = Command::new("git").args(args).env("GIT_OPTIONAL_LOCKS", "0").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn rustc_version() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    output.map_or_else(|_| String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
