use super::*;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use rstest::rstest;
use tower::ServiceExt as _;

const BUILT: [(&str, &str); 6] = [
    ("index.html", "<!doctype html><script src=\"./assets/index-Bx3_a-9z.js\"></script>"),
    ("assets/index-Bx3_a-9z.js", "let a;"),
    ("assets/inter-D4f.woff2", "wOF2"),
    ("manifest.webmanifest", "{}"),
    ("icon.svg", "<svg/>"),
    ("openapi.json", "{\"is\": \"no description\"}"),
];

fn built(name: &str) -> Option<Cow<'static, [u8]>> {
    BUILT.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_bytes().into())
}

async fn ask(names: Vec<String>, read: Read, path: &str) -> (StatusCode, HeaderMap, String) {
    let app = router(names, read).split_for_parts().0;
    let response = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap())
}

async fn ask_built(path: &str) -> (StatusCode, HeaderMap, String) {
    ask(BUILT.iter().map(|(name, _)| (*name).to_owned()).collect(), built, path).await
}

#[rstest]
#[case("/", "text/html; charset=utf-8", LOOK_AGAIN, "assets/index-Bx3_a-9z.js")]
#[case("/index.html", "text/html; charset=utf-8", LOOK_AGAIN, "assets/index-Bx3_a-9z.js")]
#[case("/assets/index-Bx3_a-9z.js", "text/javascript; charset=utf-8", FOR_EVER, "let a;")]
#[case("/assets/inter-D4f.woff2", "font/woff2", FOR_EVER, "wOF2")]
#[case("/manifest.webmanifest", "application/manifest+json", LOOK_AGAIN, "{}")]
#[case("/icon.svg", "image/svg+xml; charset=utf-8", LOOK_AGAIN, "<svg/>")]
#[tokio::test]
async fn a_file_comes_as_what_it_is(#[case] path: &str, #[case] kind: &str, #[case] cached: &str, #[case] says: &str) {
    let (status, headers, text) = ask_built(path).await;
    assert!(status == StatusCode::OK && text.contains(says), "{status} {text}");
    assert_eq!((headers["content-type"].as_bytes(), headers["cache-control"].as_bytes()), (kind.as_bytes(), cached.as_bytes()));
    assert_eq!(headers["content-security-policy"], POLICY);
}

#[rstest]
#[case("/assets/index-old.js")]
#[case("/assets/")]
#[case("/assets/../index.html")]
#[case("/assets/%2e%2e/index.html")]
#[case("/energy")]
#[case("/openapi.json")]
#[tokio::test]
async fn what_is_no_file_is_not_there(#[case] path: &str) {
    assert_eq!(ask_built(path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_the_dashboard_a_page_says_how_to_build_it() {
    let (status, headers, page) = ask(Vec::new(), |_| None, "/").await;
    assert_eq!((status, headers["content-type"].as_bytes()), (StatusCode::OK, b"text/html; charset=utf-8".as_slice()));
    for words in ["make build", "npm ci &amp;&amp; npm run build", "href=\"docs\"", "href=\"health\"", "href=\"icon.svg\""] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("=\"/"), "a proxy may have put a path before it: {page}");
    let (status, _, icon) = ask(Vec::new(), |_| None, "/icon.svg").await;
    assert!(status == StatusCode::OK && icon.starts_with("<svg"), "{icon}");
}
