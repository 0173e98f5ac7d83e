//! A home whose meter service runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wattribute_domain::{Quantity, Role, SeriesInfo};
use wattribute_meter::adapters::pulse::Door;
use wattribute_meter::{Config, Sources, run};
use wattribute_service::{Access, Context, Health, State, access};
use wattribute_store::{Origin, Standing, Store};

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Home {
    pub store: Arc<dyn Store>,
    /// Where it answers.
    pub address: std::net::SocketAddr,
    /// Who may ask, and where pulse meters push.
    pub access: Access,
    pub door: Door,
    health: Health,
    shutdown: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    _folder: Option<tempfile::TempDir>,
}

impl Home {
    pub async fn start(sources: Sources) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::start_in(folder.path(), sources).await;
        Home { _folder: Some(folder), ..home }
    }

    pub fn store_in(folder: &Path) -> Arc<dyn Store> {
        wattribute_store::open(&format!("sqlite:{}", folder.join("test.db").display()), Origin::Home).unwrap()
    }

    pub async fn start_in(folder: &Path, sources: Sources) -> Self {
        let store = Home::store_in(folder);
        let (health, shutdown) = (Health::default(), CancellationToken::new());
        let (access, door) = (Access::new(&access::Config::default()).unwrap(), sources.door.clone());
        access.keep_in(store.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let context = Context {
            store: store.clone(),
            listener,
            access: access.clone(),
            shutdown: shutdown.clone(),
            health: health.clone(),
            is_demo: false,
        };
        let running = tokio::spawn(run(Config { sources, ..Config::default() }, context));
        Home { store, address, access, door, health, shutdown, running, _folder: None }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }

    async fn wait<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, found).await;
        waited.unwrap_or_else(|_| panic!("{what} did not come; it is {:?}", self.health.dependencies()))
    }

    pub async fn until_health(&self, name: &str, wanted: impl Fn(&State) -> bool) {
        self.wait(name, async || self.health.dependencies().get(name).filter(|state| wanted(state)).map(|_| ())).await;
    }

    pub async fn until_standing(&self, name: &str, wanted: impl Fn(&Standing) -> bool) -> Standing {
        let look = async || {
            let all = wattribute_store::standings(&*self.store, 0).await.unwrap();
            all.get(name).filter(|standing| wanted(standing)).cloned()
        };
        self.wait(name, look).await
    }

    /// What a device said of a quantity, once there are so many readings of it.
    pub async fn until(&self, device: &str, quantity: Quantity, count: usize) -> Vec<f64> {
        let look = async || {
            let all = self.store.series().await.unwrap();
            let (id, _) = all.into_iter().find(|(_, info)| info.known_as() == device && info.quantity == quantity)?;
            let rows = self.store.readings(id, 0, i64::MAX).await.unwrap();
            (rows.len() >= count).then_some(rows.value)
        };
        self.wait(device, look).await
    }

    /// What a device said of a quantity, as it is in the store now.
    pub async fn now(&self, device: &str, quantity: Quantity) -> Vec<f64> {
        let all = self.store.series().await.unwrap();
        let found = all.into_iter().find(|(_, info)| info.known_as() == device && info.quantity == quantity);
        self.store.readings(found.unwrap().0, 0, i64::MAX).await.unwrap().value
    }

    pub async fn until_document(&self, key: &str, wanted: impl Fn(&str) -> bool) {
        self.wait(key, async || self.store.document(key).await.unwrap().filter(|text| wanted(text)).map(|_| ())).await;
    }

    /// When a device said something of a quantity, ms since the epoch.
    pub async fn instants(&self, device: &str, quantity: Quantity) -> Vec<i64> {
        let all = self.store.series().await.unwrap();
        let found = all.into_iter().find(|(_, info)| info.known_as() == device && info.quantity == quantity);
        self.store.readings(found.unwrap().0, 0, i64::MAX).await.unwrap().at_ms
    }

    async fn info(&self, device: &str) -> SeriesInfo {
        self.store.series().await.unwrap().into_iter().map(|(_, info)| info).find(|info| info.known_as() == device).unwrap()
    }

    pub async fn role(&self, device: &str) -> Option<Role> {
        self.info(device).await.role
    }

    pub async fn payload(&self, source: &str, device: &str) -> String {
        let look = async || {
            let all = self.store.payloads().await.unwrap();
            all.into_iter().find(|said| said.source == source && said.device == device).map(|said| said.text)
        };
        self.wait("payload", look).await
    }
}
