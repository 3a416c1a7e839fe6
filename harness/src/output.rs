//! Standard output and standard error: the one layer through which everything is printed.
//!
//! - Nothing panics: not at a full disk, a lost terminal (EIO) or a reader that is gone.
//! - Nothing waits without end: [`message`] waits for a reader of standard error for a second in all, and is lost after that.
//!   [`results`] waits for its reader, as for a pager, until a signal asks this process to stop.
//! - No text drives a terminal: control characters and those that reorder text are replaced, in JSON escaped.
//!
//! `print!`, `eprintln!` and their like are denied elsewhere (clippy.toml).

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{isatty, write};
use serde::Serialize;

use crate::record::sanitize;
use crate::sys::signals;

/// How long a message may wait for standard error to be read; and results, once this process has been asked to stop.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a wait looks whether it should end.
const POLL_MS: u16 = 50;

/// Standard error was not read within [`PATIENCE`]: no message waits until it can be written again.
static STALLED: AtomicBool = AtomicBool::new(false);
/// Messages that were lost since then.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Why results did not reach standard output.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// A system call failed.
    #[error("standard output cannot be written: {0}")]
    Refused(io::Error),
    /// A signal of this number asked to stop while nothing read it.
    #[error("interrupted by signal {0} while standard output was not read")]
    Interrupted(i32),
}

/// Prints one line on standard error; line breaks in `text` become spaces.
pub fn message(text: impl Display) {
    send_message(&(sanitize(&text.to_string()) + "\n"));
}

/// Prints `text` on standard error as it is broken into lines.
pub fn message_lines(text: &str) {
    send_message(&harmless(text));
}

/// Prints `text` on standard output.
///
/// Where nothing reads it any more (EPIPE), this process ends by SIGPIPE, as others do.
///
/// # Errors
/// If it cannot be written, or a signal asks to stop while it cannot.
pub fn results(text: &str) -> Result<(), Unwritten> {
    styled_results(&harmless(text))
}

/// The same for text of the program's own, which may style the terminal.
///
/// # Errors
/// As [`results`].
pub fn styled_results(text: &str) -> Result<(), Unwritten> {
    let mut asked_to_stop = None;
    let go_on = || match signals::interruption() {
        None => true,
        Some(_) => asked_to_stop.get_or_insert_with(Instant::now).elapsed() < PATIENCE,
    };
    match put(io::stdout().as_fd(), text.as_bytes(), go_on) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Unwritten::Interrupted(signals::interruption().unwrap_or_default())),
        Err(Errno::EPIPE) => signals::end_by(Signal::SIGPIPE),
        Err(errno) => Err(Unwritten::Refused(errno.into())),
    }
}

/// Draws on a terminal at standard error, as it is; what it does not take at once is left out.
pub fn draw(text: &str) {
    let _ = put(io::stderr().as_fd(), text.as_bytes(), || false);
}

/// Indented JSON that drives no terminal: what [`sanitize`] would replace is escaped, and so stays what it is.
///
/// # Errors
/// If `value` cannot be JSON, as a map whose keys are no strings.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?))
}

/// A path as one word of a shell, to be pasted: as it is where it can be, else quoted; what a terminal should not be sent, or is no
/// UTF-8, by its bytes in `$'…'` (POSIX.1-2024; bash, zsh, ksh, busybox).
#[must_use]
pub fn shell_word(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    // Else it would be an option.
    let prefix = if bytes.starts_with(b"-") { "./" } else { "" };
    match path.to_str().filter(|text| sanitize(text) == *text) {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => format!("{prefix}{text}"),
        Some(text) => format!("'{prefix}{}'", text.replace('\'', r"'\''")),
        None => format!("$'{prefix}{}'", bytes.iter().map(|&byte| in_dollar_quotes(byte)).collect::<String>()),
    }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_./+,:@%=".contains(character)
}

fn in_dollar_quotes(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        // Three octal digits: a fourth would not be taken for one.
        _ => format!("\\{byte:03o}"),
    }
}

/// JSON that drives no terminal, as [`json`] makes it. Such characters stand in strings only: the JSON around them is ASCII.
#[must_use]
pub fn escaped(json: &str) -> String {
    if json.chars().all(is_harmless) {
        return json.to_owned();
    }
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if is_harmless(character) {
            text.push(character);
        } else {
            let mut units = [0; 2];
            character.encode_utf16(&mut units).iter().for_each(|unit| text += &format!("\\u{unit:04x}"));
        }
    }
    text
}

/// `text` for a terminal, its line breaks and tabs kept.
fn harmless(text: &str) -> String {
    let replaced = |c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER };
    text.chars().map(replaced).collect()
}

fn is_harmless(character: char) -> bool {
    let mut bytes = [0; 4];
    matches!(character, '\n' | '\t' | ' '..='~') || {
        let text: &str = character.encode_utf8(&mut bytes);
        sanitize(text) == text
    }
}

fn send_message(text: &str) {
    let lost = LOST.swap(0, Ordering::Relaxed);
    let text = match lost {
        0 => text.to_owned(),
        _ => format!("warning: {lost} messages were lost while standard error was not read\n{text}"),
    };
    let (start, stalled) = (Instant::now(), STALLED.load(Ordering::Relaxed));
    match put(io::stderr().as_fd(), text.as_bytes(), || !stalled && start.elapsed() < PATIENCE) {
        Ok(false) => {
            STALLED.store(true, Ordering::Relaxed);
            LOST.fetch_add(lost + 1, Ordering::Relaxed);
        }
        // There is nowhere left to tell of an error.
        Ok(true) | Err(_) => STALLED.store(false, Ordering::Relaxed),
    }
}

/// Writes all of it; while nothing can be written, `go_on` says whether to wait. Whether all was written.
fn put(fd: BorrowedFd<'_>, mut bytes: &[u8], mut go_on: impl FnMut() -> bool) -> nix::Result<bool> {
    let reopened = reopened(fd);
    let target = reopened.as_ref().map_or(fd, |file| file.as_fd());
    while !bytes.is_empty() {
        match write_some(target, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::EINTR | Errno::EAGAIN) => {
                if !go_on() {
                    return Ok(false);
                }
                await_writable(target);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(true)
}

/// What of it can be written now: a pipe or a socket takes a part, and a terminal that is stopped nothing.
fn write_some(fd: BorrowedFd<'_>, bytes: &[u8]) -> nix::Result<usize> {
    if !is_writable(fd, 0) {
        return Err(Errno::EAGAIN);
    }
    match send(fd.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
        // No socket; or a sandbox refuses the call.
        Err(Errno::ENOTSOCK | Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => {}
        sent => return sent,
    }
    // A pipe that is writable takes so much, in the rare case that it could not be opened anew.
    write(fd, &bytes[..bytes.len().min(libc::PIPE_BUF)])
}

fn await_writable(fd: BorrowedFd<'_>) {
    is_writable(fd, POLL_MS);
}

/// Within `ms`; what cannot be asked is tried.
fn is_writable(fd: BorrowedFd<'_>, ms: u16) -> bool {
    !matches!(poll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], PollTimeout::from(ms)), Ok(0) | Err(Errno::EINTR))
}

/// A pipe or a terminal opened once more, with `O_NONBLOCK`: to set it on `fd` would set it for all that share it.
fn reopened(fd: BorrowedFd<'_>) -> Option<File> {
    let kind = SFlag::from_bits_truncate(fstat(fd).ok()?.st_mode) & SFlag::S_IFMT;
    let may_block = kind == SFlag::S_IFIFO || (kind == SFlag::S_IFCHR && isatty(fd) == Ok(true));
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    may_block.then(|| open(path.as_str(), flags, Mode::empty()).ok()).flatten().map(File::from)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::io::Read;
    use std::process::Command;

    use nix::pty::openpty;
    use nix::unistd::pipe;

    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_replaced_and_lines_are_kept() {
        assert_eq!(harmless("a\x1b[31m\u{9b}\u{202e}\r\n\tµ"), "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\n\tµ");
    }

    #[test]
    fn json_keeps_what_it_escapes() {
        let text = "\u{1b}[31m \u{7f} \u{9b} \u{202e} \u{1f600} µ";
        let json = json(&[text]).unwrap();
        assert!(json.chars().all(is_harmless) && json.contains("\\u202e"), "{json}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
    }

    #[test]
    fn a_path_is_one_word_of_a_shell_and_drives_no_terminal() {
        for name in [
            &b"results/a-1.jsonl"[..],
            b"a b",
            b"it's",
            b"$x`y`\"!*",
            b"-n",
            b"",
            b"\x1b[31m\x9b7\n'\\",
            b"\xff\xc3",
            "µ".as_bytes(),
        ] {
            let word = shell_word(Path::new(OsStr::from_bytes(name)));
            assert!(word.chars().all(|c| !c.is_control()), "{word}");
            let Ok(printed) = Command::new("bash").args(["-c", &format!("printf %s {word}")]).output() else { return };
            let printed = printed.stdout.strip_prefix(b"./").unwrap_or(&printed.stdout);
            assert_eq!(printed, name, "{word}");
        }
        assert_eq!(shell_word(Path::new("results/a-1.jsonl")), "results/a-1.jsonl");
    }

    #[test]
    fn a_pipe_that_is_not_read_is_given_up_and_what_was_taken_arrives() {
        let (reader, writer) = pipe().unwrap();
        let text = vec![b'x'; 1 << 20];
        assert_eq!(put(writer.as_fd(), &text, || false), Ok(false));
        drop(writer);
        let mut read = Vec::new();
        File::from(reader).read_to_end(&mut read).unwrap();
        assert!(!read.is_empty() && text.starts_with(&read));
    }

    #[test]
    fn a_terminal_that_is_not_read_is_given_up() {
        let terminal = openpty(None, None).unwrap();
        assert_eq!(put(terminal.slave.as_fd(), &vec![b'x'; 1 << 20], || false), Ok(false));
    }

    #[test]
    fn a_terminal_that_is_stopped_is_given_up() {
        let terminal = openpty(None, None).unwrap();
        // Ctrl-S.
        write(&terminal.master, b"\x13").unwrap();
        let stopped = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            put(terminal.slave.as_fd(), b"x", || false) == Ok(false)
        });
        assert!(stopped);
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error_and_not_the_end_of_the_process() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        // Another test may have forked meanwhile: until its child has gone, that has a copy of the reader.
        let broken = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            put(writer.as_fd(), b"x", || true) == Err(Errno::EPIPE)
        });
        assert!(broken);
    }

    #[test]
    fn all_arrives_where_it_is_read_late() {
        let (reader, writer) = pipe().unwrap();
        let text = vec![b'x'; 1 << 20];
        let read = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut read = Vec::new();
                File::from(reader).read_to_end(&mut read).unwrap();
                read
            });
            assert_eq!(put(writer.as_fd(), &text, || true), Ok(true));
            drop(writer);
            reading.join().unwrap()
        });
        assert!(read == text);
    }
}
