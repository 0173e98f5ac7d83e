//! What begins and what ends.

use wattribute_domain::{AlertKind, AlertRecord};

use super::{Alerts, Config, Looked, On, left_on, message};
use crate::now::{DeviceNow, HomeNow, MeterNow, Speech};

/// An alert about a level ends when the level is this much below what began it.
const FALLS_TO: f64 = 0.9;

const NO_DATA: &str = "no_data:";

impl Alerts {
    /// Looks at the home as it is now: what began, what ended, and what is to be told now. What begins or ends in quiet hours is told when
    /// they are over, unless it is urgent; what both begins and ends within them is never told.
    pub fn look(&mut self, now: &HomeNow, config: &Config) -> Looked {
        self.first_ms.get_or_insert(now.at_ms);
        let mut looked = Looked::default();
        let high_for_ms = i64::try_from(config.high_consumption_for.as_millis()).unwrap_or(i64::MAX);
        if config.kinds.contains(&AlertKind::HighConsumption) {
            let level = (now.power_w, config.high_consumption_w, high_for_ms);
            self.level(AlertKind::HighConsumption, level, now, &mut looked);
        }
        if config.kinds.contains(&AlertKind::PhantomLoad) {
            self.level(
                AlertKind::PhantomLoad,
                (now.phantom_power_w, now.phantom_threshold_w.unwrap_or(config.high_phantom_load_w), 0),
                now,
                &mut looked,
            );
        }
        if config.kinds.contains(&AlertKind::LeftOn) {
            now.devices.iter().for_each(|device| self.device(device, now.at_ms, &mut looked));
        }
        if config.kinds.contains(&AlertKind::NoData) {
            now.meters.iter().for_each(|meter| self.meter(meter, now.at_ms, config, &mut looked));
        }
        // Right after a start no device and no meter is known yet: that ends nothing.
        let is_there = |what: &str, on: &On| match (config.kinds.contains(&on.alert.kind), on.alert.kind) {
            (true, AlertKind::LeftOn) => now.devices.is_empty() || now.devices.iter().any(|d| what == left_on(&d.identity)),
            (true, AlertKind::NoData) => {
                now.meters.is_empty() || now.meters.iter().any(|m| what.strip_prefix(NO_DATA) == Some(m.identity.as_str()))
            }
            (is_wanted, _) => is_wanted,
        };
        let gone: Vec<String> = self.on.iter().filter(|(what, on)| !is_there(what, on)).map(|(what, _)| what.clone()).collect();
        for what in gone {
            self.end(&what, None, now.at_ms, &mut looked);
        }
        self.tell(now, config, &mut looked);
        looked
    }

    /// A power that is not to pass a threshold for longer than so many ms.
    fn level(&mut self, kind: AlertKind, (power_w, threshold_w, for_ms): (Option<f64>, f64, i64), now: &HomeNow, looked: &mut Looked) {
        let what = kind.name();
        let was_on = self.is_on(what);
        // What is not known begins nothing and ends nothing.
        let crossed = power_w.is_some_and(|w| if was_on { w <= threshold_w * FALLS_TO } else { w > threshold_w });
        if !crossed {
            self.crossed_ms.remove(what);
            return;
        }
        let since_ms = *self.crossed_ms.entry(what.to_owned()).or_insert(now.at_ms);
        if now.at_ms - since_ms < for_ms {
            return;
        }
        self.crossed_ms.remove(what);
        if was_on {
            self.end(what, power_w, now.at_ms, looked);
            return;
        }
        let name = if now.is_demo { "Demo home" } else { "Home" }.to_owned();
        let alert = AlertRecord { name, power_w, threshold_w: Some(threshold_w), since_ms, ..blank(kind) };
        self.begin(what.to_owned(), alert, now.at_ms, looked);
    }

    /// A device left on stays so until it is off, whatever it draws and whatever is learned meanwhile.
    fn device(&mut self, device: &DeviceNow, now_ms: i64, looked: &mut Looked) {
        let what = left_on(&device.identity);
        let since_ms = device.on_since_ms.unwrap_or(now_ms);
        if let Some(on) = self.on.get(&what) {
            // It was off while nobody looked.
            let is_another_run = !device.left_on && device.on_since_ms.is_some_and(|since| since > on.alert.since_ms + 60_000);
            if device.is_on == Some(false) || is_another_run {
                self.end(&what, device.power_w, now_ms, looked);
            }
        } else if device.left_on {
            let alert = AlertRecord {
                entity_id: Some(device.entity_id.clone()),
                name: device.name.clone(),
                power_w: device.power_w,
                usual_on_h: device.usual_on_h,
                since_ms,
                ..blank(AlertKind::LeftOn)
            };
            self.begin(what, alert, now_ms, looked);
        }
    }

    fn meter(&mut self, meter: &MeterNow, now_ms: i64, config: &Config, looked: &mut Looked) {
        let what = format!("{NO_DATA}{}", meter.identity);
        let after_ms = i64::try_from(config.no_data_after.as_millis()).unwrap_or(i64::MAX);
        match (self.is_on(&what), meter.speech) {
            (true, Speech::Heard) => self.end(&what, None, now_ms, looked),
            (false, Speech::SilentSince(since_ms)) if now_ms - since_ms.max(self.first_ms.unwrap_or(now_ms)) > after_ms => {
                let alert =
                    AlertRecord { entity_id: meter.entity_id.clone(), name: meter.name.clone(), since_ms, ..blank(AlertKind::NoData) };
                self.begin(what, alert, now_ms, looked);
            }
            _ => {}
        }
    }

    fn begin(&mut self, what: String, mut alert: AlertRecord, now_ms: i64, looked: &mut Looked) {
        alert.id = format!("{what}@{now_ms}");
        alert.began_ms = now_ms;
        alert.message = message(&alert, now_ms);
        looked.edges.push(alert.clone());
        self.on.insert(what, On { alert, told: false });
    }

    /// Ends an alert; `power_w` is what is drawn now.
    fn end(&mut self, what: &str, power_w: Option<f64>, now_ms: i64, looked: &mut Looked) {
        let Some(On { mut alert, told }) = self.on.remove(what) else { return };
        alert.ended_ms = Some(now_ms);
        looked.edges.push(alert.clone());
        if told {
            self.owed.push(AlertRecord { power_w, ..alert });
        }
    }

    /// What may be told now.
    fn tell(&mut self, now: &HomeNow, config: &Config, looked: &mut Looked) {
        let is_quiet = config.quiet_hours.is_some_and(|quiet| quiet.are_at(now.at_ms, now.time_zone.as_deref()));
        let may = |kind: AlertKind| config.kinds.contains(&kind) && (!is_quiet || config.urgent.contains(&kind));
        let (told, owed) = std::mem::take(&mut self.owed).into_iter().partition(|alert| may(alert.kind));
        self.owed = owed;
        looked.tell = told;
        // What is no longer looked for is no longer spoken of.
        self.owed.retain(|alert| config.kinds.contains(&alert.kind));
        for on in self.on.values_mut().filter(|on| !on.told && may(on.alert.kind)) {
            on.told = true;
            looked.tell.push(on.alert.clone());
        }
        for alert in &mut looked.tell {
            alert.message = message(alert, now.at_ms);
        }
    }
}

fn blank(kind: AlertKind) -> AlertRecord {
    AlertRecord {
        id: String::new(),
        kind,
        entity_id: None,
        name: String::new(),
        message: String::new(),
        power_w: None,
        threshold_w: None,
        usual_on_h: None,
        since_ms: 0,
        began_ms: 0,
        ended_ms: None,
    }
}
