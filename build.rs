//! What a record says of its binary: the revision it was built from and how it was built.

use std::process::Command;

fn main() {
    for path in ["src", "benches", "harness/src", "build.rs", "Cargo.toml", "Cargo.lock", "harness/Cargo.toml"] {
        println!("cargo::rerun-if-changed={path}");
    }
    // A commit changes whether the tree is dirty without touching a source file.
    for path in ["HEAD", "index", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    // Records are results, not sources: a run must not make the next one dirty.
    let dirty =
        git(&["status", "--porcelain", "--untracked-files=no", "--", ".", ":!results"]).map(|out| !out.is_empty());
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

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn rustc_version() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    output.map_or_else(|_| String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
