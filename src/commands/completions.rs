//! `ipcmark completions SHELL` and `ipcmark man DIR`: generated from the definitions of the commands, so that they cannot lag behind.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::Context;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command, CommandFactory};
use clap_complete::Shell;
use ipcmark_harness::sys::files::{self, Existing};

use super::Cli;
use crate::filters;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell whose language they are written in
    #[arg(value_enum)]
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Where the pages go, one a command; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Takes any filter, and tells shells which words there are.
#[derive(Clone)]
pub(super) struct FilterWords;

impl TypedValueParser for FilterWords {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = filters::words().into_iter().map(|(word, kind)| PossibleValue::new(word).help(kind));
        Some(Box::new(values))
    }
}

/// Prints a script that the shell is to source.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    // Into memory first: the generator panics where its output cannot be written, as into a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    if args.shell == Shell::Fish {
        script.extend_from_slice(words_for_fish().as_bytes());
    }
    super::output::write_as_it_is(&String::from_utf8_lossy(&script));
    Ok(())
}

const NAME: &str = "ipcmark";

/// clap_complete leaves the values of operands out for this shell.
fn words_for_fish() -> String {
    let program = Cli::command();
    let has_filters = |command: &&Command| command.get_positionals().any(|operand| operand.get_id() == FILTERS);
    let commands: Vec<&str> = program.get_subcommands().filter(has_filters).map(Command::get_name).collect();
    let word = |(word, kind): (&str, &str)| {
        let condition = format!("__fish_{NAME}_using_subcommand {}", commands.join(" "));
        format!("complete -c {NAME} -n \"{condition}\" -a {word} -d {kind}\n")
    };
    filters::words().into_iter().map(word).collect()
}

/// The id of the operand whose values are filters.
const FILTERS: &str = "filters";

/// Writes `ipcmark.1` and `ipcmark-COMMAND.1`, and prints their paths.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<()> {
    let refused = || format!("man pages cannot be written to {}", args.folder.display());
    std::fs::create_dir_all(&args.folder).with_context(refused)?;
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives each command the name of its page: ipcmark-run.
    program.build();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    let pages: Vec<Command> = std::iter::once(&program).chain(commands).cloned().collect();
    for page in pages {
        let page = clap_mangen::Man::new(page);
        let path = args.folder.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text)?;
        files::replace(&path, &text, must_be_man_page).with_context(|| format!("cannot write {}", path.display()))?;
        super::say!("{}", path.display());
    }
    Ok(())
}

/// An empty file holds nothing that could be lost; a page begins with a request of roff, and no record does.
fn must_be_man_page(existing: &mut Existing) -> io::Result<()> {
    let mut first = Vec::new();
    existing.take(1).read_to_end(&mut first)?;
    if first.is_empty() || first == b"." {
        return Ok(());
    }
    Err(io::Error::other("it exists and is no man page; name another folder, or remove it"))
}
