//! What was said, so that it stands by itself: with all that is known of its series, as no number of theirs lasts longer than the process.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wattribute_domain::SeriesInfo;
use wattribute_store::Payload;

/// What was said within a second or so.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said {
    /// Series that were told of, or that something was said of.
    pub series: Vec<Arc<SeriesInfo>>,
    /// Stretches that are forgotten before: place of the series, from and to (not included), ms since the epoch.
    pub replaced: Vec<(usize, i64, i64)>,
    /// Place of the series, instant (ms since the epoch), value.
    pub readings: Vec<(usize, i64, f64)>,
    pub payloads: Vec<Payload>,
    pub documents: Vec<(String, String)>,
}

/// As it is written; values bit by bit, as JSON knows no `NaN`.
#[derive(Serialize)]
struct Written<'a> {
    series: Vec<&'a SeriesInfo>,
    replaced: &'a [(usize, i64, i64)],
    readings: Vec<(usize, i64, u64)>,
    payloads: Vec<(&'a str, &'a str, i64, &'a str)>,
    documents: &'a [(String, String)],
}

#[derive(Deserialize)]
struct Read {
    series: Vec<Owned>,
    replaced: Vec<(usize, i64, i64)>,
    readings: Vec<(usize, i64, u64)>,
    payloads: Vec<(String, String, i64, String)>,
    documents: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Owned(SeriesInfo);

impl Said {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.payloads.is_empty() && self.documents.is_empty()
    }

    /// How much room it takes, about, in readings.
    pub fn weight(&self) -> usize {
        let texts = self.payloads.iter().map(|payload| payload.text.len()).chain(self.documents.iter().map(|(_, text)| text.len()));
        1 + self.series.len() + self.replaced.len() + self.readings.len() + texts.sum::<usize>() / 24
    }

    /// As bytes that wait on disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        let written = Written {
            series: self.series.iter().map(|info| &**info).collect(),
            replaced: &self.replaced,
            readings: self.readings.iter().map(|(place, at_ms, value)| (*place, *at_ms, value.to_bits())).collect(),
            payloads: self.payloads.iter().map(|p| (p.source.as_str(), p.device.as_str(), p.at_ms, p.text.as_str())).collect(),
            documents: &self.documents,
        };
        // Texts and numbers always can be written.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// What bytes of [`Said::to_bytes`] say; the error says what is wrong with them.
    pub fn of_bytes(bytes: &[u8]) -> Result<Said, String> {
        let read: Read = serde_json::from_slice(bytes).map_err(|error| format!("it cannot be read: {error}"))?;
        let count = read.series.len();
        let mut places = read.replaced.iter().map(|(place, ..)| *place).chain(read.readings.iter().map(|(place, ..)| *place));
        if places.any(|place| place >= count) {
            return Err("it names a series that it does not describe".to_owned());
        }
        Ok(Said {
            series: read.series.into_iter().map(|info| Arc::new(info.0)).collect(),
            replaced: read.replaced,
            readings: read.readings.into_iter().map(|(place, at_ms, bits)| (place, at_ms, f64::from_bits(bits))).collect(),
            payloads: (read.payloads.into_iter()).map(|(source, device, at_ms, text)| Payload { source, device, at_ms, text }).collect(),
            documents: read.documents,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use wattribute_domain::Quantity;

    #[test]
    fn what_waited_on_disk_is_read_as_it_was_said() {
        let mut lamp = SeriesInfo::new("home_assistant", "light.hall", Quantity::Level);
        lamp.mode("on");
        let payload = Payload { source: "s".to_owned(), device: "d".to_owned(), at_ms: 3, text: "{\"a\": \"ü\n\"}".to_owned() };
        let said = Said {
            series: vec![Arc::new(lamp), Arc::new(SeriesInfo::new("tasmota", "mt681", Quantity::PowerW))],
            replaced: vec![(1, -5, 7)],
            readings: vec![(0, 1, 1.0), (1, 2, 0.1 + 0.2), (1, 3, -5e-324)],
            payloads: vec![payload],
            documents: vec![("heard:x".to_owned(), "9".to_owned())],
        };
        assert_eq!(Said::of_bytes(&said.to_bytes()).unwrap(), said);
        let silent = Said { readings: vec![(0, 1, f64::NAN)], ..said };
        assert!(Said::of_bytes(&silent.to_bytes()).unwrap().readings[0].2.is_nan());
        let nobody = Said { series: vec![], ..silent };
        assert!(Said::of_bytes(&nobody.to_bytes()).unwrap_err().contains("does not describe"));
        assert!(Said::of_bytes(b"{").is_err() && !nobody.is_empty() && Said::default().is_empty());
    }
}
