//! Series as the house knows them: with the owner's roles, with Home Assistant's devices, and counted once.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use wattribute_domain::SeriesInfo;

use super::same::{DEVICES, Same};
use super::{Adapter, AdapterError, Event, Listening, Roles};

/// An adapter whose series are described by what the house knows of them.
pub(crate) struct Described {
    adapter: Box<dyn Adapter>,
    roles: Arc<Roles>,
    same: Arc<Same>,
    /// As the adapter describes each series, and as that was passed on.
    series: BTreeMap<u32, (SeriesInfo, SeriesInfo)>,
    version: u64,
}

impl Described {
    /// Of an adapter, with what all share.
    pub fn new(adapter: Box<dyn Adapter>, roles: &Arc<Roles>, same: &Arc<Same>) -> Self {
        Described { adapter, roles: roles.clone(), same: same.clone(), series: BTreeMap::new(), version: 0 }
    }

    fn describe(&self, info: &SeriesInfo) -> SeriesInfo {
        let mut info = info.clone();
        self.same.describe(&mut info);
        self.roles.put_over(&mut info);
        info
    }
}

#[async_trait]
impl Adapter for Described {
    fn name(&self) -> &str {
        self.adapter.name()
    }

    fn device(&self) -> Option<&str> {
        self.adapter.device()
    }

    async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
        let mut events = self.adapter.next().await?;
        for event in &events {
            match event {
                Event::Series { info, .. } => self.same.hear(info),
                Event::Document { key, text } if key == DEVICES => self.same.hear_devices(text),
                _ => {}
            }
        }
        for event in &mut events {
            if let Event::Series { key, info } = event {
                let described = self.describe(info);
                self.series.insert(*key, (std::mem::replace(info, described.clone()), described));
            }
        }
        // What another adapter, or the registry, has said since may change what was passed on before.
        let version = self.same.version();
        if std::mem::replace(&mut self.version, version) != version {
            let now = self.series.iter().map(|(key, (said, told))| (*key, self.describe(said), told));
            let changed: Vec<(u32, SeriesInfo)> = now.filter(|(_, now, told)| now != *told).map(|(key, now, _)| (key, now)).collect();
            for (key, info) in changed {
                self.series.entry(key).and_modify(|(_, told)| told.clone_from(&info));
                events.push(Event::Series { key, info });
            }
        }
        Ok(events)
    }

    fn link(&self) -> Option<String> {
        self.adapter.link()
    }

    fn is_up(&self) -> bool {
        self.adapter.is_up()
    }

    fn troubles(&self) -> BTreeMap<String, String> {
        self.adapter.troubles()
    }

    fn listens(&self) -> Option<Listening> {
        self.adapter.listens()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use wattribute_domain::{Quantity, Role};

    use super::*;

    struct Scripted(&'static str, Vec<Vec<Event>>);

    #[async_trait]
    impl Adapter for Scripted {
        fn name(&self) -> &str {
            self.0
        }

        async fn next(&mut self) -> Result<Vec<Event>, AdapterError> {
            Ok(self.1.remove(0))
        }
    }

    #[tokio::test]
    async fn a_series_is_described_anew_when_home_assistant_turns_out_to_have_the_device() {
        let (roles, same) = (Arc::new(Roles::default()), Arc::new(Same::default()));
        let plug = SeriesInfo {
            identity: "50c7bf010203".to_owned(),
            role: Some(Role::Device),
            ..SeriesInfo::new("kasa", "kettle", Quantity::PowerW)
        };
        let sensor =
            SeriesInfo { device_id: Some("d1".to_owned()), ..SeriesInfo::new("home_assistant", "sensor.kettle", Quantity::PowerW) };
        let of_plug = vec![vec![Event::Series { key: 0, info: plug.clone() }], vec![], vec![]];
        let mut ours = Described::new(Box::new(Scripted("kasa", of_plug)), &roles, &same);
        let devices = Event::Document { key: DEVICES.to_owned(), text: r#"{"50c7bf010203": "d1"}"#.to_owned() };
        let of_home = vec![vec![devices, Event::Series { key: 0, info: sensor.clone() }]];
        let mut theirs = Described::new(Box::new(Scripted("home_assistant", of_home)), &roles, &same);
        assert_eq!(ours.next().await.unwrap(), [Event::Series { key: 0, info: plug.clone() }]);
        let said = theirs.next().await.unwrap();
        assert_eq!(said[1], Event::Series { key: 0, info: sensor });
        let copy = SeriesInfo { role: Some(Role::Copy), device_id: Some("d1".to_owned()), ..plug };
        assert_eq!(ours.next().await.unwrap(), [Event::Series { key: 0, info: copy }]);
        assert_eq!(ours.next().await.unwrap(), [], "once");
    }
}
