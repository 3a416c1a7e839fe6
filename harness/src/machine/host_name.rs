//! Keeps the host name out of records.
//!
//! People write it into kernel command lines (`systemd.hostname=`, `ip=`), kernel releases (`CONFIG_LOCALVERSION`) and
//! cgroup paths, so those texts pass through here. A record is published; who owns the machine is not its business.

use super::{Fact, Root};
use serde_json::Value;

/// What stands in the place of the host name.
const BLANK: &str = "[host]";

/// `text` with every whole-word occurrence of the host name, full or up to its first dot, blanked out.
///
/// Names that every second machine has (`localhost`) or that say there is none stay: they tell nothing.
pub(super) fn without_host_name(root: &Root, text: &str) -> String {
    let Ok(host) = root.read("/proc/sys/kernel/hostname") else { return text.to_owned() };
    let short = host.split('.').next().unwrap_or_default();
    let telling = |name: &&str| !name.is_empty() && *name != "localhost" && *name != "(none)";
    [host.as_str(), short].iter().filter(|name| telling(name)).fold(text.to_owned(), |text, name| blank(&text, name))
}

/// The host name, for who asks for it by name: no [`Key`](super::Key) reads it.
pub fn host_name(root: &Root) -> Fact {
    const SOURCE: &str = "/proc/sys/kernel/hostname";
    Fact::from_reading(SOURCE, root.read(SOURCE).map(Value::from))
}

fn blank(text: &str, name: &str) -> String {
    // ASCII case folding keeps every byte where it is, so positions carry over to `text`.
    let (folded, name) = (text.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut result = String::new();
    let mut kept = 0;
    for (at, found) in folded.match_indices(&name) {
        let end = at + found.len();
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if !in_word(text[..at].chars().next_back()) && !in_word(text[end..].chars().next()) {
            result += &text[kept..at];
            result += BLANK;
            kept = end;
        }
    }
    result + &text[kept..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_blanked_in_any_case() {
        assert_eq!(blank("ip=dhcp:Ada-1:eth0 6.1-ada-1 ada-12", "ada-1"), "ip=dhcp:[host]:eth0 6.1-[host] ada-12");
    }

    #[test]
    fn text_without_the_name_stays() {
        assert_eq!(blank("quiet root=/dev/vda", "ro"), "quiet root=/dev/vda");
        assert_eq!(blank("é é", "e"), "é é");
    }
}
