//! `token`: who else gets in.

use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat};
use wattribute_service::access::Scope;
use wattribute_service::access::tokens::{self, ExposeSecret};
use wattribute_store::Origin;

use crate::config::{self, Services};
use crate::run::{Arguments, open_store, runtime};
use crate::text;

/// What `token` takes.
#[derive(clap::Args, Debug)]
pub struct TokenArguments {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    all: Arguments,
    /// Of the made-up home of `wattribute demo`
    #[arg(long, global = true)]
    demo: bool,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Make a token and print it, this once
    Create {
        /// What you call it, such as the device that uses it
        #[arg(long, value_name = "NAME")]
        name: String,
        /// read: to read everything; write: also to change everything; push: only to push readings
        #[arg(long, value_name = "SCOPE", value_parser = scope)]
        scope: Scope,
    },
    /// Print all tokens, without themselves
    List,
    /// Make a token worthless, and every login that was made with it
    Revoke {
        /// What you called it
        #[arg(value_name = "NAME")]
        name: String,
    },
}

fn scope(said: &str) -> Result<Scope, String> {
    Scope::of_name(said).ok_or_else(|| "a scope is read, write or push".to_owned())
}

/// Makes, lists or revokes tokens; running services know within a second.
pub fn run(arguments: &TokenArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let (store, _) = open_store(&loaded, if arguments.demo { Origin::Demo } else { Origin::Home })?;
    let runtime = runtime()?;
    match &arguments.what {
        What::Create { name, scope } => {
            let (_, said) = runtime.block_on(tokens::create(&*store, name, *scope))?;
            println!("{}", said.expose_secret());
            eprintln!("This is shown only now. Send it as `Authorization: Bearer …`, or log in with it at /login.");
        }
        What::List => {
            for token in runtime.block_on(tokens::list(&*store))? {
                let made = DateTime::from_timestamp_millis(token.created_at_ms).unwrap_or_default();
                let made = made.to_rfc3339_opts(SecondsFormat::Secs, true);
                println!("{} {:<5}  {made}", text::left(&token.name, 32), token.scope.name());
            }
        }
        What::Revoke { name } => {
            runtime.block_on(tokens::revoke(&*store, name))?;
            eprintln!("{name} is revoked.");
        }
    }
    Ok(ExitCode::SUCCESS)
}
