//! `once` and `discover`: what a source says now, and what would be read of it. Both only look.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use wattribute_domain::SeriesInfo;
use wattribute_meter::Kind;
use wattribute_service::home_assistant;
use wattribute_store::{Origin, Store};

use crate::config::{self, Config, Loaded, Services};
use crate::run::{Arguments, open_store, runtime, store_if_there};

/// What `discover` takes.
#[derive(clap::Args, Debug)]
pub struct DiscoverArguments {
    /// Where to look; everywhere unless said
    #[arg(value_enum)]
    what: Vec<Place>,
    /// How long to listen, s
    #[arg(long = "for", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    wait: Duration,
    #[command(flatten)]
    all: Arguments,
}

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Place {
    /// The Home Assistant that is set up
    HomeAssistant,
    /// The MQTT broker that is set up: Tasmota, Glow, Shelly, Zigbee2MQTT, ESPHome, ...
    #[value(aliases = ["tasmota", "glow"])]
    Mqtt,
    /// The local network, by what Tuya devices broadcast
    Tuya,
    /// Shellies on this network, and those that are set up
    Shelly,
    /// The network, for Kasa plugs and strips
    Kasa,
    /// The network, for Tapo plugs and strips
    Tapo,
}

impl Place {
    /// Its kind; `None` of Home Assistant.
    fn kind(self) -> Option<Kind> {
        match self {
            Place::HomeAssistant => None,
            Place::Mqtt => Some(Kind::Mqtt),
            Place::Tuya => Some(Kind::Tuya),
            Place::Shelly => Some(Kind::Shelly),
            Place::Kasa => Some(Kind::Kasa),
            Place::Tapo => Some(Kind::Tapo),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "give seconds from 0.1 to 600, such as 10".to_owned())
}

/// Prints what there is to read, why, and what to put into the configuration.
pub fn discover(arguments: &DiscoverArguments) -> anyhow::Result<ExitCode> {
    let config = config::load(arguments.all.config.as_deref(), Services::All)?.config;
    let is_wanted = |place: Place| arguments.what.is_empty() || arguments.what.contains(&place);
    let kinds: Vec<Kind> = Place::value_variants().iter().copied().filter(|place| is_wanted(*place)).filter_map(Place::kind).collect();
    let mut text = String::new();
    let runtime = runtime()?;
    if is_wanted(Place::HomeAssistant) && (config.home_assistant.is_set() || !arguments.what.is_empty()) {
        let seen = runtime.block_on(wattribute_meter::discover(home_assistant(&config)?));
        text += &match seen {
            Err(why) if arguments.what.len() != 1 => format!("home_assistant\n  {why}\n\n"),
            seen => seen?.trim_end().to_owned() + "\n\n",
        };
    }
    if !kinds.is_empty() {
        text += &runtime.block_on(wattribute_meter::find(&kinds, &config.meter.sources, arguments.wait));
    }
    show(&text)
}

/// What `once` takes.
#[derive(clap::Args, Debug)]
pub struct OnceArguments {
    #[command(flatten)]
    all: Arguments,
    /// How long to wait for what is published, s
    #[arg(long = "for", value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    wait: Duration,
    /// Also write what is read to the store
    #[arg(long)]
    write: bool,
}

/// Reads every entity and every device once and prints what it says.
pub fn once(arguments: &OnceArguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(arguments.all.config.as_deref(), Services::All)?;
    let sources = &loaded.config.meter.sources;
    let mut text = String::new();
    let runtime = runtime()?;
    // Without a word to write, what is known of series is looked up in a store that is thrown away.
    let (store, _folder) = match arguments.write {
        true => (open_store(&loaded, Origin::Home)?.0, None),
        false => runtime.block_on(async { passing_store(known(&loaded).await).await }).map(|(store, folder)| (store, Some(folder)))?,
    };
    if loaded.config.home_assistant.is_set() || sources.names().is_empty() {
        let written = arguments.write.then_some(&*store);
        text += runtime.block_on(wattribute_meter::once(home_assistant(&loaded.config)?, written))?.trim_end();
        text += "\n\n";
    }
    if !sources.names().is_empty() {
        text += &runtime.block_on(wattribute_meter::once_of(sources, &*store, arguments.write, arguments.wait))?;
    }
    show(&text)
}

/// A store that is thrown away with its folder and knows these series, so that what has a name goes by it.
pub async fn passing_store(known: Vec<SeriesInfo>) -> anyhow::Result<(Arc<dyn Store>, tempfile::TempDir)> {
    let folder = tempfile::tempdir().context("no folder for what is read could be made")?;
    let store = wattribute_store::open(&format!("sqlite:{}", folder.path().join("once.db").display()), Origin::Home)?;
    store.describe(known).await?;
    Ok((store, folder))
}

/// The series that the store of this home knows; none where it is not there or cannot be read.
pub async fn known(loaded: &Loaded) -> Vec<SeriesInfo> {
    let Some(store) = store_if_there(loaded) else { return Vec::new() };
    store.series().await.unwrap_or_default().into_iter().map(|(_, info)| info).collect()
}

fn home_assistant(config: &Config) -> anyhow::Result<&home_assistant::Config> {
    if !config.home_assistant.is_set() {
        bail!(
            "there is no Home Assistant to ask: set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN, or `url` and `token` in [home_assistant]; what \
             else can be read is in docs/ADAPTERS.md"
        );
    }
    Ok(&config.home_assistant)
}

fn show(text: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.trim_end().as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .context("cannot be printed")?;
    Ok(ExitCode::SUCCESS)
}
