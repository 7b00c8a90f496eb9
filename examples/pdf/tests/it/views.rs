//! The archive as a browser meets it.

use crate::{samples::pdf, support::Archives};
use test_support::{TestAnswer, TestRequest};

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>.pdf";

/// From one of the archive's own pages, in a browser in which Ada is signed in.
async fn browse(archives: &Archives, request: TestRequest) -> TestAnswer {
    let cookie = format!("pdf_token={}", archives.ada);
    request.header("cookie", &cookie).header("sec-fetch-site", "same-origin").header("accept", "text/html").send().await
}

async fn page(archives: &Archives, path: &str) -> TestAnswer {
    let page = browse(archives, archives.product.server.get(path)).await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "{path}: {}", page.text);
    page
}

#[tokio::test]
async fn one_signs_in_with_a_token_that_may_read_here() {
    let archives = Archives::start().await;
    let server = &archives.product.server;
    let stranger = server.get("/").header("accept", "text/html").send().await;
    assert_eq!((stranger.status, stranger.header("location")), (303, Some("/sign-in")));
    let sign_in =
        |token: &str| server.post_form("/sign-in", &[("token", token)]).header("sec-fetch-site", "same-origin").send();
    for wrong in ["no token", "a\nb", &archives.grace] {
        let again = sign_in(wrong).await;
        assert!((400..500).contains(&again.status) && again.header("set-cookie").is_none(), "{}", again.text);
        assert!(again.text.contains("role=\"alert\"") && !again.text.contains(&archives.grace), "{}", again.text);
    }
    let signed_in = sign_in(&archives.ada).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/")));
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("pdf_token={};", archives.ada)) && cookie.contains("HttpOnly"), "{cookie}");
    page(&archives, "/").await;
    let elsewhere = server.post_form("/sign-out", &[]).header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(elsewhere.status, 403);
    let signed_out = browse(&archives, server.post_form("/sign-out", &[])).await;
    assert!(signed_out.header("set-cookie").unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn a_file_is_followed_from_its_upload_to_its_text() {
    let archives = Archives::start().await;
    let home = page(&archives, "/").await;
    assert!(home.text.contains("There are no files yet.") && home.text.contains("id=\"upload\""), "{}", home.text);
    let policy = home.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'; connect-src 'self' http"), "{policy}");

    let bytes =
        pdf(&[&[(72, 720, "x < y & z"), (72, 700, "a"), (300, 700, "b"), (72, 686, "c"), (300, 686, "d")], &[]]);
    let file = archives.upload(EVIL, bytes.clone()).await;
    let path = format!("/files/{file}");
    assert!(page(&archives, &path).await.text.contains("data-read"));
    archives.order(&file).await;
    assert!(page(&archives, "/").await.text.contains("data-pending"));
    assert!(page(&archives, &path).await.text.contains("Waiting to be read"));
    let orders = archives.orders(1).await;
    archives.work(&orders[0], &bytes).await;
    let home = page(&archives, "/").await;
    assert!(home.text.contains("2 pages") && !home.text.contains("data-pending"), "{}", home.text);
    let read = page(&archives, &path).await;
    for part in ["x &lt; y &amp; z", "<td>c</td><td>d</td>", "Page 1 of 2", "href=\"?page=2\""] {
        assert!(read.text.contains(part), "{part} not in {}", read.text);
    }
    assert!(page(&archives, &format!("{path}?page=2")).await.text.contains("There is no text on this page"));
    for shown in [&home, &read] {
        assert!(shown.text.contains("&lt;script&gt;") && !shown.text.contains("<img"), "{}", shown.text);
    }
    let missing = browse(&archives, archives.product.server.get(&format!("{path}?page=3"))).await;
    assert_eq!(missing.status, 404);

    let deleted = browse(&archives, archives.product.server.post_form(&format!("{path}/delete"), &[])).await;
    assert_eq!((deleted.status, deleted.header("location")), (303, Some("/")));
    assert!(page(&archives, "/").await.text.contains("There are no files yet."));
}

#[tokio::test]
async fn scripts_and_styles_are_served() {
    let archives = Archives::start().await;
    for (path, kind) in [("/style.css", "text/css; charset=utf-8"), ("/upload.js", "text/javascript; charset=utf-8")] {
        let asset = archives.product.server.get(path).send().await;
        assert_eq!((asset.status, asset.header("content-type")), (200, Some(kind)));
    }
}
