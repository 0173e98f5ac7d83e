//! What is known of the home: what Home Assistant says, what the owner set over it, and what the correlator worked out.

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize};
use wattribute_domain::{Contract, Home, HouseRecord, Night, Quantity, Tariffs};

use crate::{Result, Store};

/// Key of the document with what the owner set of the home.
const SETTINGS: &str = "home_settings";
/// Key of the document with what was set of the home through the API.
pub const HOME_CHOICE: &str = "home_choice";
/// Key of the document with the meter that the configuration names.
const METER: &str = "meter_configured";
/// Key of the document with the tariffs, and of the one that says whether they come from the configuration.
const TARIFFS: &str = "tariffs";
const TARIFFS_FROM: &str = "tariffs_from";

/// What the owner sets of the home, over what Home Assistant says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HomeSettings {
    /// IANA name of its time zone.
    #[serde(deserialize_with = "time_zone")]
    pub time_zone: Option<String>,
    /// ISO 4217 code of its currency.
    pub currency: Option<String>,
    /// When nothing is in use.
    pub night: Night,
    /// The house's meter: `tasmota/mt681`, an entity, an expression over such, or a source alone, such as `tasmota`.
    pub meter: Option<String>,
}

fn time_zone<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<String>, D::Error> {
    let said = Option::<String>::deserialize(from)?.filter(|name| !name.trim().is_empty());
    match said.as_deref().map(str::parse::<Tz>) {
        Some(Err(_)) => Err(serde::de::Error::custom("is not the name of a time zone such as `Europe/Berlin`")),
        _ => Ok(said),
    }
}

/// Keeps what the owner set, for all who ask [`home`].
pub async fn set_home(store: &dyn Store, settings: &HomeSettings) -> Result<()> {
    store.put_documents(vec![(SETTINGS.to_owned(), serde_json::to_string(settings).unwrap_or_default())]).await
}

/// What Home Assistant says of the home, and over it what the owner set; nothing where neither was heard yet.
pub async fn home(store: &dyn Store) -> Result<Home> {
    let said: Home = store.document("home").await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let set: HomeSettings = store.document(SETTINGS).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    Ok(Home {
        time_zone: set.time_zone.or(said.time_zone.clone()),
        currency: set.currency.or(said.currency.clone()),
        night: set.night,
        ..said
    })
}

/// The home's time zone; UTC where none is known.
pub fn zone(home: &Home) -> Tz {
    home.time_zone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

/// What the correlator worked out of the house; `None` until it has.
pub async fn house(store: &dyn Store) -> Result<Option<HouseRecord>> {
    Ok(store.document("house").await?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Phantom load that is too much where nobody says another, W.
pub const PHANTOM_THRESHOLD_W: f64 = 200.0;

/// What the owner sets of the home through the API. What the configuration says wins over it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HomeChoice {
    /// Its meter, an entity or an expression over entities; `None`: it is found by itself.
    pub meter: Option<String>,
    /// Phantom load that is too much, W; `None`: [`PHANTOM_THRESHOLD_W`].
    pub phantom_threshold_w: Option<f64>,
}

impl HomeChoice {
    /// Phantom load that is too much, W, and where that was said. The configuration says it where it names another than the usual one.
    pub fn phantom_threshold_w(&self, configured_w: f64) -> (f64, Option<SaidIn>) {
        match self.phantom_threshold_w {
            _ if configured_w != PHANTOM_THRESHOLD_W => (configured_w, Some(SaidIn::Config)),
            Some(chosen_w) => (chosen_w, Some(SaidIn::Api)),
            None => (PHANTOM_THRESHOLD_W, None),
        }
    }
}

/// Where the owner said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaidIn {
    /// In the configuration: it cannot be set elsewhere.
    Config,
    /// Through the API.
    Api,
}

/// What the owner set of the home through the API.
pub async fn home_choice(store: &dyn Store) -> Result<HomeChoice> {
    Ok(store.document(HOME_CHOICE).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Keeps what the owner sets of the home through the API.
pub async fn set_home_choice(store: &dyn Store, choice: &HomeChoice) -> Result<()> {
    store.put_documents(vec![(HOME_CHOICE.to_owned(), serde_json::to_string(choice).unwrap_or_default())]).await
}

/// The house's meter, where the configuration of the service that learns names it.
pub async fn configured_meter(store: &dyn Store) -> Result<Option<String>> {
    Ok(store.document(METER).await?.filter(|meter| !meter.is_empty()))
}

/// Keeps which meter the configuration of the service that learns names.
pub async fn set_configured_meter(store: &dyn Store, meter: Option<&str>) -> Result<()> {
    store.put_documents(vec![(METER.to_owned(), meter.unwrap_or_default().trim().to_owned())]).await
}

/// Address of a source's own page for people; `None` where there is none.
pub async fn link(store: &dyn Store, source: &str) -> Result<Option<String>> {
    Ok(store.document(&format!("link:{source}")).await?.filter(|link| link.starts_with("http://") || link.starts_with("https://")))
}

/// Keeps the addresses of sources' own pages for people.
pub async fn set_links(store: &dyn Store, links: Vec<(String, Option<String>)>) -> Result<()> {
    let document = |(source, link): (String, Option<String>)| (format!("link:{source}"), link.unwrap_or_default());
    store.put_documents(links.into_iter().map(document).collect()).await
}

/// Where tariffs were said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TariffsFrom {
    /// In the configuration: they cannot be set elsewhere.
    Config,
    /// Through the API.
    Api,
    /// In Home Assistant's Energy dashboard.
    HomeAssistant,
}

/// The tariffs and where they were said; else the price that Home Assistant's Energy dashboard was told; `None` without either.
pub async fn tariffs(store: &dyn Store) -> Result<Option<(Tariffs, TariffsFrom)>> {
    let kept = store.document(TARIFFS).await?.and_then(|text| serde_json::from_str::<Tariffs>(&text).ok());
    if let Some(tariffs) = kept.filter(|tariffs| !tariffs.contracts.is_empty()) {
        let from = store.document(TARIFFS_FROM).await?.and_then(|text| serde_json::from_str(&text).ok());
        return Ok(Some((tariffs, from.unwrap_or(TariffsFrom::Api))));
    }
    let contract = |price_per_kwh, entity| Contract { price_per_kwh, entity, ..Contract::named("Home Assistant") };
    let told = home(store).await?.energy_preferences.and_then(|told| told.price_per_kwh);
    let contract = match told {
        Some(price) => Some(contract(Some(price), None)),
        None => {
            let series = store.series().await?;
            let mut prices = series.iter().filter(|(_, info)| info.quantity == Quantity::PricePerKwh);
            let only = prices.next().filter(|(_, info)| prices.all(|(_, other)| other.device == info.device));
            only.map(|(_, info)| contract(None, Some(info.device.clone())))
        }
    };
    Ok(contract.map(|contract| (Tariffs { contracts: vec![contract] }, TariffsFrom::HomeAssistant)))
}

/// Keeps tariffs; none: those that were kept are forgotten.
pub async fn set_tariffs(store: &dyn Store, tariffs: &Tariffs, from: TariffsFrom) -> Result<()> {
    let text = |value: serde_json::Result<String>| value.unwrap_or_default();
    let documents =
        vec![(TARIFFS.to_owned(), text(serde_json::to_string(tariffs))), (TARIFFS_FROM.to_owned(), text(serde_json::to_string(&from)))];
    store.put_documents(documents).await
}

/// Takes over the tariffs of the configuration. Where it says none, those that came from it earlier are forgotten, and those set through the API stay.
pub async fn take_config(store: &dyn Store, tariffs: &Tariffs) -> Result<()> {
    let kept_from: Option<TariffsFrom> = store.document(TARIFFS_FROM).await?.and_then(|text| serde_json::from_str(&text).ok());
    if !tariffs.contracts.is_empty() {
        set_tariffs(store, tariffs, TariffsFrom::Config).await
    } else if kept_from == Some(TariffsFrom::Config) {
        set_tariffs(store, tariffs, TariffsFrom::Api).await
    } else {
        Ok(())
    }
}
