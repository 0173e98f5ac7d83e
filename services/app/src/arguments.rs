//! What can be said on the command line.

use std::path::PathBuf;

use chrono_tz::Tz;
use wattribute_domain::units;

use crate::instant::Moment;

/// Learn what each device draws and costs from a copy of your history.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: wattribute analyze home-assistant_v2.db --price 0.30 --currency EUR")]
pub struct Analyze {
    /// Home Assistant databases, history exports (CSV) or Parquet files; several are read as one history
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,

    /// The whole-house power sensor, or a sum of several: "sensor.import - sensor.export + sensor.pv". Found by itself if left out
    #[arg(long, value_name = "EXPR")]
    pub meter: Option<String>,

    /// Unit of the meter (W, kW, kWh, ...) where the file does not say it
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    pub meter_unit: Option<String>,

    /// Price of one kWh, such as 0.30
    #[arg(long, value_name = "PRICE", value_parser = price, allow_negative_numbers = true)]
    pub price: Option<f64>,

    /// Currency of the price, three letters such as EUR
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub currency: Option<String>,

    /// Only these entities: a pattern such as "light.kitchen_*" or a kind such as "light"; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,

    /// Not these entities: a pattern or a kind; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,

    /// Start: a date (its midnight), or a time such as 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<Moment>,

    /// End, itself not included: a date (its midnight) or a time
    #[arg(long, value_name = "TIME")]
    pub to: Option<Moment>,

    /// Time zone, such as Europe/Berlin; that of the home, else of this machine, if left out
    #[arg(long, value_name = "ZONE", value_parser = time_zone)]
    pub timezone: Option<Tz>,

    /// Print everything as JSON (described in docs/ANALYZE.md)
    #[arg(long)]
    pub json: bool,

    /// Also write every state change with the power before and after it to this file (.csv or .parquet)
    #[arg(long, value_name = "OUT")]
    pub correlations: Option<PathBuf>,
}

impl Analyze {
    /// Entity ids that `--meter` names: words with a dot that begin with a letter.
    pub fn meter_entities(&self) -> Vec<String> {
        self.meter.iter().flat_map(|meter| wattribute_domain::entities_of(meter)).map(str::to_owned).collect()
    }
}

fn price(said: &str) -> Result<f64, String> {
    let plain = if said.contains('.') { said.trim().to_owned() } else { said.trim().replace(',', ".") };
    match plain.parse::<f64>() {
        Ok(price) if price.is_finite() && price >= 0.0 => Ok(price),
        Ok(price) if price < 0.0 => Err("a price cannot be below zero".to_owned()),
        _ => Err("a price is a number such as 0.30".to_owned()),
    }
}

fn currency(said: &str) -> Result<String, String> {
    let code = said.trim().to_ascii_uppercase();
    match code.as_str() {
        "€" => Ok("EUR".to_owned()),
        "£" => Ok("GBP".to_owned()),
        _ if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => Ok(code),
        _ => Err("a currency is three letters such as EUR".to_owned()),
    }
}

fn unit(said: &str) -> Result<String, String> {
    match units::watts_per(said).or(units::kwh_per(said)) {
        Some(_) => Ok(said.trim().to_owned()),
        None => Err("a meter reads power (W, kW) or energy (Wh, kWh)".to_owned()),
    }
}

fn time_zone(said: &str) -> Result<Tz, String> {
    said.trim().parse().map_err(|_| "a time zone is a name such as Europe/Berlin".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0.30", Some(0.3))]
    #[case("0,30", Some(0.3))]
    #[case("0", Some(0.0))]
    #[case("-0.1", None)]
    #[case("NaN", None)]
    #[case("inf", None)]
    #[case("1.234,5", None)]
    #[case("30 ct", None)]
    fn a_price_is_a_number_not_below_zero(#[case] said: &str, #[case] expected: Option<f64>) {
        assert_eq!(price(said).ok(), expected);
    }

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!(currency("eur").as_deref(), Ok("EUR"));
        assert_eq!(currency("€").as_deref(), Ok("EUR"));
        assert!(currency("dollars").is_err());
    }

    #[test]
    fn the_meter_names_entities() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            analyze: Analyze,
        }
        let line = <Line as clap::Parser>::parse_from(["x", "a.db", "--meter", "sensor.import-sensor.export + 0.5*sensor.pv_2"]);
        assert_eq!(line.analyze.meter_entities(), ["sensor.import", "sensor.export", "sensor.pv_2"]);
    }
}
