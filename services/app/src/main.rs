//! The `wattribute` command.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod analyze;
mod arenas;
mod arguments;
mod ask;
mod calibrate;
mod check;
mod config;
mod correlations;
mod export;
mod health;
mod import;
mod instant;
mod keep;
mod number;
mod openapi;
mod output;
mod progress;
mod run;
mod show;
mod table;
mod text;
mod token;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use config::Services;

/// Every watt, attributed: what each device in your home draws and costs, learned from your one whole-house meter.
#[derive(Parser)]
#[command(name = "wattribute", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Analyze(arguments::Analyze),
    /// Run everything on your home: listen, learn, answer, tell Home Assistant
    Run(run::Arguments),
    /// Run everything on a made-up home, to look around
    Demo(run::Arguments),
    /// Run the meter service alone
    Meter(run::SingleArguments),
    /// Run the correlator alone
    Correlator(run::SingleArguments),
    /// Run the data API and the pages alone
    DataApi(run::SingleArguments),
    /// Read every entity and every device once and print what it says; write nothing
    Once(ask::OnceArguments),
    /// Look for what can be read, and print what to put into the configuration
    Discover(ask::DiscoverArguments),
    /// Try every connection; say what is wrong and what would help
    Check(check::CheckArguments),
    /// Ask a service how it is; exit code 1 where it is of no use
    Health(health::HealthArguments),
    /// Write a recorded history into the store: Home Assistant databases, CSV or Parquet files, an InfluxDB
    Import(import::ImportArguments),
    /// Copy the store to a file, also while it is in use
    Backup(keep::BackupArguments),
    /// Put a backup in the place of the store; stop Wattribute first
    Restore(keep::RestoreArguments),
    /// Write readings to CSV or Parquet files, one for each month
    Export(export::ExportArguments),
    /// Make, list or revoke the tokens that let others in
    Token(token::TokenArguments),
    /// Set what a meter shows, read off the meter itself; a running service takes it up at once
    Calibrate(calibrate::CalibrateArguments),
    /// Print the OpenAPI description of a service
    Openapi(openapi::Arguments),
    /// Print the configuration in effect, without its secrets
    Config(show::ConfigArguments),
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.to_string();
        // Whoever read what is printed has had enough of it (`| head -1`).
        if said.contains("failed printing to stdout: Broken pipe") {
            std::process::exit(0);
        }
        eprintln!("wattribute: this is a bug, please report it: {}", text::one_line(&said))
    }));
    let cli = match Cli::try_parse_from(as_commands(std::env::args_os().collect())) {
        Ok(cli) => cli,
        Err(usage) => return refuse_usage(&usage),
    };
    if matches!(cli.command, Command::Run(_) | Command::Demo(_) | Command::Meter(_) | Command::Correlator(_) | Command::DataApi(_)) {
        arenas::limit();
    }
    let done = match cli.command {
        Command::Analyze(arguments) => analyze::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Run(arguments) => run::home(&arguments),
        Command::Demo(arguments) => run::demo(&arguments),
        Command::Meter(arguments) => run::single(&arguments, Services::Meter),
        Command::Correlator(arguments) => run::single(&arguments, Services::Correlator),
        Command::DataApi(arguments) => run::single(&arguments, Services::DataApi),
        Command::Once(arguments) => ask::once(&arguments),
        Command::Discover(arguments) => ask::discover(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Health(arguments) => health::run(&arguments),
        Command::Import(arguments) => import::import(&arguments),
        Command::Backup(arguments) => keep::backup(&arguments),
        Command::Restore(arguments) => keep::restore(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Config(arguments) => show::run(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wattribute: {}", text::one_line(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

/// What scripts of before wrote as `--discover` and `--once`, also behind `meter`, as the commands that these are now.
fn as_commands(mut words: Vec<OsString>) -> Vec<OsString> {
    let at = if words.get(1).is_some_and(|word| word == "meter") { 2 } else { 1 };
    if let Some(command) =
        words.get(at).and_then(|word| word.to_str()?.strip_prefix("--")).filter(|word| ["discover", "once"].contains(word))
    {
        let command = command.into();
        words.splice(1..=at, [command]);
    }
    words
}

/// Help and version as clap prints them; anything else as one line.
fn refuse_usage(usage: &clap::Error) -> ExitCode {
    if !usage.use_stderr() || usage.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let shown = usage.print();
        return if usage.use_stderr() || shown.is_err() { ExitCode::from(2) } else { ExitCode::SUCCESS };
    }
    let said = usage.to_string();
    let said = said.split("\n\n").take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more information"));
    let line = text::one_line(&said.collect::<Vec<_>>().join("; "));
    eprintln!("wattribute: {} (see wattribute --help)", line.trim_start_matches("error: "));
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_words_of_earlier_scripts_are_commands() {
        let words = |said: &str| as_commands(said.split(' ').map(OsString::from).collect()).join(" ".as_ref());
        assert_eq!(words("wattribute --discover mqtt"), "wattribute discover mqtt");
        assert_eq!(words("wattribute meter --once --write"), "wattribute once --write");
        assert_eq!(words("wattribute meter --config a.toml"), "wattribute meter --config a.toml");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
