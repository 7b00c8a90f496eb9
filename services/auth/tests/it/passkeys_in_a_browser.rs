//! Passkeys as Chromium makes and uses them, by an authenticator of its own (Web Authentication §11).

use crate::{
    authenticator::{complete, password},
    support::{World, text},
};
use axum::{Router, response::Html, routing::get};
use reqwest::Method;
use serde_json::{Value, json};
use test_support::Browser;
use tokio::net::TcpListener;

/// Each gives `toJSON()` of what the browser answers, or what it says instead.
const CREATE: &str = "const [options, done] = arguments;
    navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})
        .then((made) => done(made.toJSON()), (error) => done(String(error)));";
const GET: &str = "const [options, done] = arguments;
    navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})
        .then((signed) => done(signed.toJSON()), (error) => done(String(error)));";

/// An empty page at the address where people reach auth.
async fn page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let page = Router::new().route("/", get(async || Html("<!doctype html><title>auth</title>")));
    tokio::spawn(async move { axum::serve(listener, page).await });
    url
}

async fn ask(browser: &Browser, script: &str, options: &Value) -> Value {
    let answer = browser.page.execute_async(script, vec![options.clone()]).await.unwrap();
    assert!(answer.is_object(), "{answer}");
    answer
}

#[tokio::test]
async fn a_browser_enrols_a_passkey_and_logs_in_by_it() {
    let url = page().await;
    let world = World::with(&[("PUBLIC_URL", url.clone())]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let token = world.token(&ada).await;
    let browser = Browser::start("auth-passkeys").await;
    browser.page.goto(&url).await.unwrap();
    browser.add_authenticator().await;

    let path = "/v1/me/second-factors/passkeys";
    let options = world.server.request(Method::POST, &format!("{path}/options")).bearer(&token).await.expect(200);
    let credential = ask(&browser, CREATE, &options).await;
    let new = json!({"name": "Chromium", "credential": credential});
    world.server.post(path, &new).bearer(&token).await.expect(201);

    let asked = password(&world, &ada.email).await.expect(202);
    let credential = ask(&browser, GET, &asked["passkey"]).await;
    let proof = json!({"method": "passkey", "credential": credential});
    complete(&world, text(&asked, "challenge"), proof).await.expect(201);

    let options = world.server.request(Method::POST, "/v1/sessions/passkey-options").await.expect(200);
    let credential = ask(&browser, GET, &options).await;
    let session = world.server.post("/v1/sessions/passkey", &json!({"credential": credential})).await.expect(201);
    assert_eq!(session["user"]["id"], json!(ada.user));
    browser.close().await;
}
