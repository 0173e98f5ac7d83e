use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use rstest::rstest;
use tower::ServiceExt;
use wattribute_store::Origin;

use super::*;

const STRANGER: &str = "192.168.2.7";

struct House {
    store: Arc<dyn Store>,
    access: Access,
    app: Router,
    _folder: tempfile::TempDir,
}

impl House {
    async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = wattribute_store::open(&format!("sqlite:{}/home.db", folder.path().display()), Origin::Home).unwrap();
        let access = Access::new(&config).unwrap();
        access.keep_in(store.clone()).await;
        let app = app(&access);
        House { store, access, app, _folder: folder }
    }

    async fn usual() -> Self {
        House::with(config(Auth::Token)).await
    }

    async fn token(&self, name: &str, scope: Scope) -> String {
        tokens::create(&*self.store, name, scope).await.unwrap().1.expose_secret().to_owned()
    }

    async fn status(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        ask(&self.app, method, path, STRANGER, headers, "").await.status().as_u16()
    }

    /// A browser logs in; the cookie that it gets.
    async fn log_in(&self, token: &str) -> Result<String, Response> {
        let page = [("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
        let answer = ask(&self.app, "POST", "/login", STRANGER, &page, &format!("token={token}&next=docs")).await;
        let Some(cookie) = answer.headers().get(header::SET_COOKIE) else { return Err(answer) };
        assert_eq!((answer.status().as_u16(), location(&answer)), (303, "./docs"));
        let said = cookie.to_str().unwrap().to_owned();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("Secure") && !said.contains(token), "{said}");
        Ok(said.split(';').next().unwrap().to_owned())
    }

    /// A moment later, when the store is looked at again.
    async fn later(&self) {
        tokio::time::sleep(Duration::from_millis(260)).await;
    }
}

fn config(auth: Auth) -> Config {
    let tokens = vec![SecretString::from("one"), SecretString::from("two"), SecretString::from(" ")];
    Config { auth, tokens, trusted_networks: vec!["192.168.1.0/24".to_owned()], ..Config::default() }
}

fn app(access: &Access) -> Router {
    let app = Router::new().fallback(|| async { "ok" }).merge(routes(access.clone()));
    app.layer(from_fn_with_state(access.clone(), guard))
}

async fn ask(app: &Router, method: &str, path: &str, peer: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let peer = SocketAddr::new(peer.parse().unwrap(), 40000);
    let mut request = Request::builder().method(method).uri(path).extension(ConnectInfo(peer));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

fn location(answer: &Response) -> &str {
    answer.headers()[header::LOCATION].to_str().unwrap()
}

async fn text(answer: Response) -> String {
    String::from_utf8(to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

fn bearer(token: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {token}"))]
}

#[rstest]
#[case("127.0.0.1", &[], true)]
#[case("::1", &[], true)]
#[case("::ffff:127.0.0.1", &[], true)]
#[case("127.0.0.1", &[("x-forwarded-for", "127.0.0.1")], false)]
#[case("127.0.0.1", &[("x-real-ip", "127.0.0.1")], false)]
#[case("192.168.1.7", &[], true)]
#[case("::ffff:192.168.1.7", &[], true)]
#[case("192.168.2.7", &[], false)]
#[case("192.168.2.7", &[("x-forwarded-for", "192.168.1.7")], false)]
#[case("192.168.2.7", &[("authorization", "Bearer two")], true)]
#[case("192.168.2.7", &[("authorization", "bearer one")], true)]
#[case("192.168.2.7", &[("authorization", "Bearer three")], false)]
#[case("192.168.2.7", &[("authorization", "Bearer ")], false)]
#[case("192.168.2.7", &[("authorization", "Basic two")], false)]
#[tokio::test]
async fn this_machine_and_tokens_get_in(#[case] peer: &str, #[case] headers: &[(&str, &str)], #[case] admitted: bool) {
    let status = if admitted { 200 } else { 401 };
    assert_eq!(ask(&House::usual().await.app, "GET", "/", peer, headers, "").await.status(), status);
    assert_eq!(ask(&House::with(config(Auth::None)).await.app, "GET", "/", peer, headers, "").await.status(), 200);
}

#[tokio::test]
async fn without_a_peer_nobody_gets_in() {
    let access = Access::default();
    assert!(!access.lets_others_in());
    let answer = app(&access).oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[test]
fn tokens_are_not_in_debug_output() {
    let config = Config { tokens: vec![SecretString::from("hush")], ..Config::default() };
    assert!(!format!("{config:?}").contains("hush"));
}

#[tokio::test]
async fn a_token_is_good_for_its_scope_until_it_is_revoked() {
    let house = House::with(Config::default()).await;
    assert!(!house.access.lets_others_in());
    house.later().await;
    for (scope, methods) in [(Scope::Read, [200, 403, 403]), (Scope::Write, [200, 200, 200]), (Scope::Push, [403, 403, 200])] {
        let token = house.token(scope.name(), scope).await;
        house.later().await;
        let said = bearer(&token).map(|(name, value)| (name, value.leak() as &str));
        for ((method, path), status) in [("GET", "/x"), ("PATCH", "/x"), ("POST", "/push/x")].into_iter().zip(methods) {
            assert_eq!(house.status(method, path, &said).await, status, "{method} {path} with {}", scope.name());
        }
        tokens::revoke(&*house.store, scope.name()).await.unwrap();
        house.later().await;
        assert_eq!(house.status("POST", "/push/x", &said).await, 401, "{}", scope.name());
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_needed() {
    let house = House::usual().await;
    let push = house.token("meter", Scope::Push).await;
    house.later().await;
    let answer = ask(&house.app, "GET", "/x", STRANGER, &[("authorization", &format!("Bearer {push}"))], "").await;
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer error=\"insufficient_scope\", scope=\"read\"");
    assert!(text(answer).await.contains("scope `read`"));
    let answer = ask(&house.app, "GET", "/x", STRANGER, &[("authorization", "Bearer none")], "").await;
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer error=\"invalid_token\"");
    let answer = ask(&house.app, "GET", "/x", STRANGER, &[], "").await;
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
}

#[rstest]
#[case("/x?token=wtt_hush")]
#[case("/x?a=1&Access_Token=hush")]
#[case("/x?api%5Fkey=hush")]
#[tokio::test]
async fn a_token_in_an_address_is_refused_and_not_repeated(#[case] path: &str) {
    let house = House::usual().await;
    for peer in ["127.0.0.1", STRANGER] {
        let answer = ask(&house.app, "GET", path, peer, &[("authorization", "Bearer one")], "").await;
        assert_eq!(answer.status(), 400);
        let said = text(answer).await;
        assert!(said.contains("Authorization: Bearer") && !said.contains("hush"), "{said}");
    }
}

#[tokio::test]
async fn who_guesses_must_wait_and_shuts_nobody_else_out() {
    let house = House::usual().await;
    let token = house.token("phone", Scope::Read).await;
    house.later().await;
    let guess = [("authorization", "Bearer guess")];
    for _ in 0..GUESSES_PER_MINUTE {
        assert_eq!(house.status("GET", "/x", &guess).await, 401);
    }
    let answer = ask(&house.app, "GET", "/x", STRANGER, &guess, "").await;
    let retry: u32 = answer.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!(answer.status() == 429 && (1..=7).contains(&retry), "{retry}");
    // A guess that is right is not told apart.
    assert_eq!(house.status("GET", "/x", &[("authorization", "Bearer one")]).await, 429);
    assert!(house.log_in("one").await.is_err_and(|answer| answer.status() == 429));
    assert_eq!(house.status("GET", "/health", &[("authorization", "Bearer one")]).await, 200);
    // What nobody can guess still holds, and so does this machine.
    let known = format!("Bearer {token}");
    assert_eq!(house.status("GET", "/x", &[("authorization", &known)]).await, 200);
    assert_eq!(ask(&house.app, "GET", "/x", "127.0.0.1", &guess, "").await.status(), 200);
    assert_eq!(ask(&house.app, "GET", "/x", "192.168.2.8", &[("authorization", "Bearer one")], "").await.status(), 200);
}

#[tokio::test]
async fn guesses_at_the_health_are_counted_too() {
    let house = House::usual().await;
    for _ in 0..GUESSES_PER_MINUTE {
        assert_eq!(house.status("GET", "/health", &[("authorization", "Bearer guess")]).await, 200);
    }
    assert_eq!(house.status("GET", "/x", &[("authorization", "Bearer one")]).await, 429);
}

#[tokio::test]
async fn strangers_may_ask_so_often_and_neighbours_as_often_as_they_like() {
    let house = House::with(Config { rate_limit_per_minute: 6, ..config(Auth::Token) }).await;
    let token = [("authorization", "Bearer one")];
    for _ in 0..2 {
        assert_eq!(house.status("GET", "/x", &token).await, 200);
    }
    let answer = ask(&house.app, "GET", "/health", STRANGER, &[], "").await;
    assert!(answer.status() == 429 && answer.headers().contains_key(header::RETRY_AFTER));
    for _ in 0..10 {
        assert_eq!(ask(&house.app, "GET", "/x", "127.0.0.1", &[], "").await.status(), 200);
        assert_eq!(ask(&house.app, "GET", "/x", "192.168.1.7", &[], "").await.status(), 200);
    }
    let house = House::with(Config { rate_limit_per_minute: 0, ..config(Auth::Token) }).await;
    for _ in 0..300 {
        assert_eq!(house.status("GET", "/x", &token).await, 200);
    }
}

#[tokio::test]
async fn a_browser_logs_in_once_and_the_login_ends_with_the_token() {
    let house = House::usual().await;
    let token = house.token("phone", Scope::Read).await;
    house.later().await;
    let cookie = house.log_in(&token).await.unwrap();
    let shown = [("cookie", cookie.as_str())];
    assert_eq!((house.status("GET", "/x", &shown).await, house.status("DELETE", "/x", &shown).await), (200, 403));
    // The same store, another process.
    let other = Access::new(&config(Auth::Token)).unwrap();
    other.keep_in(house.store.clone()).await;
    assert_eq!(ask(&app(&other), "GET", "/x", STRANGER, &shown, "").await.status(), 200);
    let back = ask(&house.app, "GET", "/login?next=docs", STRANGER, &shown, "").await;
    assert_eq!((back.status().as_u16(), location(&back)), (303, "./docs"));
    let kept = format!("{:?}", house.store.documents("").await.unwrap());
    assert!(!kept.contains(&cookie[COOKIE.len() + 1..]) && !kept.contains(&token[4..]), "{kept}");
    tokens::revoke(&*house.store, "phone").await.unwrap();
    house.later().await;
    assert_eq!(house.status("GET", "/x", &shown).await, 401);
}

#[tokio::test]
async fn a_login_ends_when_its_browser_logs_out() {
    let house = House::usual().await;
    let (one, two) = (house.log_in("one").await.unwrap(), house.log_in("one").await.unwrap());
    let answer = ask(&house.app, "POST", "/logout", STRANGER, &[("cookie", &one)], "").await;
    assert!(answer.status() == 303 && answer.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(house.status("GET", "/x", &[("cookie", &one)]).await, 401);
    assert_eq!(house.status("POST", "/x", &[("cookie", &two)]).await, 200);
    // Of a token that is not in the configuration any more.
    let other = Access::new(&Config { tokens: vec![SecretString::from("other")], ..Config::default() }).unwrap();
    other.keep_in(house.store.clone()).await;
    assert_eq!(ask(&app(&other), "GET", "/x", STRANGER, &[("cookie", &two)], "").await.status(), 401);
}

#[rstest]
#[case(&[("x-forwarded-proto", "https")], true)]
#[case(&[("forwarded", "for=1.2.3.4;proto=https")], true)]
#[case(&[("origin", "https://energy.local"), ("host", "energy.local")], true)]
#[case(&[("x-forwarded-proto", "http")], false)]
#[tokio::test]
async fn over_https_the_cookie_stays_on_https(#[case] headers: &[(&str, &str)], #[case] is_secure: bool) {
    let mut headers = headers.to_vec();
    headers.push(("content-type", "application/x-www-form-urlencoded"));
    let answer = ask(&House::usual().await.app, "POST", "/login", STRANGER, &headers, "token=one").await;
    assert_eq!(answer.headers()[header::SET_COOKIE].to_str().unwrap().ends_with("; Secure"), is_secure);
}

#[tokio::test]
async fn a_browser_is_sent_to_the_login_and_a_program_is_not() {
    let house = House::usual().await;
    let page = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let answer = ask(&house.app, "GET", "/docs/x?a=b", STRANGER, &page, "").await;
    assert_eq!((answer.status().as_u16(), location(&answer)), (303, "../login?next=docs/x%3Fa%3Db"));
    assert_eq!(house.status("GET", "/docs", &[("accept", "*/*")]).await, 401);
    assert_eq!(house.status("POST", "/docs", &page).await, 401);
    let answer = ask(&house.app, "GET", "/login?next=docs%22%3E", STRANGER, &page, "").await;
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(answer.status() == 200 && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = text(answer).await;
    assert!(page.contains("action=\"login\"") && page.contains("docs&quot;&gt;") && !page.contains("docs\">"), "{page}");
    // The style is the one that the policy allows.
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    assert!(policy.contains(&secret::source_of(style)), "{policy}");
}

#[tokio::test]
async fn a_wrong_login_says_so_and_a_pushing_token_is_none() {
    let house = House::usual().await;
    let push = house.token("esp32", Scope::Push).await;
    house.later().await;
    for (token, status, says) in [("hush-hush", 401, "not known here"), (push.as_str(), 403, "only pushes")] {
        let answer = house.log_in(token).await.unwrap_err();
        assert_eq!(answer.status(), status);
        let page = text(answer).await;
        assert!(page.contains("role=\"alert\"") && page.contains(says) && !page.contains(token), "{page}");
    }
    let answer = ask(&house.app, "POST", "/login", STRANGER, &[("content-type", "application/json")], "{}").await;
    assert_eq!(answer.status(), 422);
}

#[rstest]
#[case("POST", "127.0.0.1", &[("origin", "https://grafana.example"), ("sec-fetch-site", "cross-site")], 200)]
#[case("POST", "127.0.0.1", &[("origin", "https://other.example"), ("sec-fetch-site", "cross-site")], 403)]
#[case("POST", "192.168.1.7", &[("origin", "https://home.example"), ("x-forwarded-host", "home.example")], 200)]
#[case("POST", "192.168.1.7", &[("origin", "https://other.example"), ("x-forwarded-host", "home.example")], 403)]
#[case("POST", "192.168.2.7", &[("origin", "https://home.example"), ("x-forwarded-host", "home.example"), ("authorization", "Bearer one")], 403)]
#[tokio::test]
async fn pages_that_may_change_something(#[case] method: &str, #[case] peer: &str, #[case] headers: &[(&str, &str)], #[case] status: u16) {
    let house = House::with(Config { cors_origins: vec!["https://grafana.example".to_owned()], ..config(Auth::Token) }).await;
    let headers: Vec<_> = headers.iter().copied().chain([("host", "10.0.0.1:8006")]).collect();
    assert_eq!(ask(&house.app, method, "/x", peer, &headers, "").await.status(), status);
}

#[tokio::test]
async fn a_device_with_a_token_of_its_own_may_push_and_nothing_else() {
    let house = House::usual().await;
    assert_eq!(house.status("POST", "/push/pulse", &[("authorization", "Bearer esp-hush")]).await, 401);
    house.access.let_push(&SecretString::from("esp-hush\n"));
    assert_eq!(house.status("POST", "/push/pulse", &[("authorization", "Bearer esp-hush")]).await, 200);
    assert_eq!(house.status("GET", "/metrics", &[("authorization", "Bearer esp-hush")]).await, 403);
    assert_eq!(house.status("POST", "/statistics/reset", &[("authorization", "Bearer esp-hush")]).await, 403);
    let shows = async |token: &str, scope| {
        let request = Request::post("/push/pulse").header(header::AUTHORIZATION, format!("Bearer {token}"));
        house.access.shows(&request.body(()).unwrap().into_parts().0, scope).await
    };
    assert!(shows("esp-hush", Scope::Push).await && !shows("esp-hush", Scope::Read).await && !shows("other", Scope::Push).await);
}
